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

struct posted {
	struct mailbox_letter letter;
	int sender, number;
};

static void test_posts_chain(void **state)
{
	/* What nobody has taken yet is all there, in the order it came; then the box is empty. */
	(void)state;
	struct mailbox mailbox = {0};
	struct posted posted[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
	assert_null(mailbox_take_all(&mailbox));
	for (size_t at = 0; at < ARRAY_LEN(posted); at++)
		mailbox_post(&mailbox, &posted[at].letter);
	struct mailbox_letter *letter = mailbox_take_all(&mailbox);
	for (size_t at = 0; at < ARRAY_LEN(posted); at++, letter = letter->next)
		assert_ptr_equal(letter, &posted[at].letter);
	assert_null(letter);
	assert_null(mailbox_take_all(&mailbox));
	mailbox_post(&mailbox, &posted[1].letter);
	letter = mailbox_take_all(&mailbox);
	assert_ptr_equal(letter, &posted[1].letter);
	assert_null(letter->next);
}

enum { SENDERS = 3, POSTS = 20000 };
static struct posted posts[SENDERS][POSTS];
static struct mailbox busy;

static void *post_all(void *context)
{
	struct posted *own = context;
	for (int at = 0; at < POSTS; at++)
		mailbox_post(&busy, &own[at].letter);
	return NULL;
}

static void test_posts_of_several_threads(void **state)
{
	/* None is lost or comes twice, and each sender's come in its order. */
	(void)state;
	pthread_t senders[SENDERS];
	int next[SENDERS] = {0};
	for (int sender = 0; sender < SENDERS; sender++)
		for (int at = 0; at < POSTS; at++)
			posts[sender][at] = (struct posted){.sender = sender, .number = at};
	for (int sender = 0; sender < SENDERS; sender++)
		assert_int_equal(pthread_create(&senders[sender], NULL, post_all, posts[sender]), 0);
	for (int received = 0; received < SENDERS * POSTS;) {
		struct mailbox_letter *letter = mailbox_take_all(&busy);
		for (; letter; letter = letter->next, received++) {
			const struct posted *post = (const struct posted *)letter;
			assert_int_equal(post->number, next[post->sender]++);
		}
	}
	for (int sender = 0; sender < SENDERS; sender++)
		pthread_join(senders[sender], NULL);
	assert_null(mailbox_take_all(&busy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hands_over_once),
	    cmocka_unit_test(test_hands_the_older_letter_back),
	    cmocka_unit_test(test_between_threads),
	    cmocka_unit_test(test_posts_chain),
	    cmocka_unit_test(test_posts_of_several_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
