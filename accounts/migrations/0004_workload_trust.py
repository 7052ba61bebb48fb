from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_machine_roles"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="workload_trust",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
