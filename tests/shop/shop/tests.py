from django.db import IntegrityError, transaction
from django.test import TestCase, TransactionTestCase

from .models import Category


class RolledBack(TestCase):
    def test_name_is_unique(self):
        Category.objects.create(name="tea")
        with self.assertRaises(IntegrityError), transaction.atomic():
            Category.objects.create(name="tea")
        self.assertEqual(Category.objects.count(), 1)


class Flushed(TransactionTestCase):
    def test_committed(self):
        Category.objects.create(name="coffee")
        self.assertEqual(Category.objects.get().name, "coffee")
