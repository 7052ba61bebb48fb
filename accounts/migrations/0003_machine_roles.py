from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="servicecredential",
            name="role",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="user",
            name="preferred_factor",
            field=models.CharField(blank=True, editable=False, max_length=13),
        ),
    ]
