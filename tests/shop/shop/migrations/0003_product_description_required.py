from django.db import migrations, models


class Migration(migrations.Migration):
    """Also harmful on purpose: SET NOT NULL reads the whole table under the strongest lock there is."""

    dependencies = [("shop", "0002_product_created_index")]

    operations = [
        migrations.AlterField(
            model_name="product",
            name="description",
            field=models.TextField(blank=True, default=""),
        ),
    ]
