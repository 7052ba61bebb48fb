from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_external_accounts")]

    operations = [
        migrations.AlterModelOptions(
            name="loginevent",
            options={"verbose_name": "audit event", "verbose_name_plural": "audit trail"},
        ),
        migrations.AddIndex(
            model_name="loginevent",
            index=models.Index(fields=["-at"], name="events_by_time"),
        ),
    ]
