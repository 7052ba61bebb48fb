from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="client_secret_sealed",
            field=models.TextField(blank=True, editable=False),
        ),
    ]
