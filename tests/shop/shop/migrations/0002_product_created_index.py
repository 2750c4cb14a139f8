from django.db import migrations, models


class Migration(migrations.Migration):
    """The migration that the demo tries on purpose: it builds an index while it blocks every write to the products."""

    dependencies = [("shop", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["-created"], name="shop_product_created_idx"),
        ),
    ]
