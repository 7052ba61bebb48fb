from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="challenge",
            name="factor",
            field=models.CharField(blank=True, max_length=13),
        ),
        migrations.AlterField(
            model_name="challenge",
            name="step",
            field=models.CharField(
                choices=[
                    ("second_factor", "Second Factor"),
                    ("new_password", "New Password"),
                    ("bind_factor", "Bind Factor"),
                    ("select_factor", "Select Factor"),
                ],
                default="second_factor",
                max_length=14,
            ),
        ),
    ]
