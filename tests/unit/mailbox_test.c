#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/mailbox.h"

#include <pthread.h>

static void test_hands_over_once(void **state)
{
	/* A letter is taken by one, once; an empty slot gives NULL. */
	(void)state;
	struct mailbox mailbox = {0};
	int letter;
	assert_null(mailbox_take(&mailbox));
	assert_null(mailbox_put(&mailbox, &letter));
	assert_ptr_equal(mailbox_take(&mailbox), &letter);
	assert_null(mailbox_take(&mailbox));
}

static void test_hands_the_older_letter_back(void **state)
{
	/* Nothing is lost when nobody takes: the sender gets the older letter back and decides. */
	(void)state;
	struct mailbox mailbox = {0};
	int older, newer;
	assert_null(mailbox_put(&mailbox, &older));
	assert_ptr_equal(mailbox_put(&mailbox, &newer), &older);
	assert_ptr_equal(mailbox_take(&mailbox), &newer);
}

enum { LETTERS = 100000 };
static int letters[LETTERS];

static void *send_all(void *context)
{
	struct mailbox *mailbox = context;
	for (int at = 0; at < LETTERS; at++) {
		letters[at] = at + 1;
		int *back = mailbox_put(mailbox, &letters[at]);
		if (back)
			*back = -*back;
	}
	return NULL;
}

static void test_between_threads(void **state)
{
	/* Every letter is either received or handed back, never both and never neither. */
	(void)state;
	struct mailbox mailbox = {0};
	pthread_t sender;
	assert_int_equal(pthread_create(&sender, NULL, send_all, &mailbox), 0);
	int received = 0, last = 0;
	while (last < LETTERS) {
		int *letter = mailbox_take(&mailbox);
		if (!letter)
			continue;
		assert_true(*letter > last);
		last = *letter;
		received++;
	}
	pthread_join(sender, NULL);
	int back = 0;
	for (int at = 0; at < LETTERS; at++)
		back += letters[at] < 0;
	assert_int_equal(received + back, LETTERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hands_over_once),
	    cmocka_unit_test(test_hands_the_older_letter_back),
	    cmocka_unit_test(test_between_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
