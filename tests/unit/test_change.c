/* Exercises: os/change*.c: a change of two files and a running value is cut off after every act; the next run must leave
 * exactly the old or the new state and say which. The running value is a file here, so that it outlives the process. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change.h"
#include "change_step.h"
#include "error.h"
#include "tree.h"

#define SETTING    "net.test.value"
#define POINTS_MAX 200u

static char root[64], state_directory[80], value_path[80];
static const char *clamp_to; /* what the system makes of every value, NULL: it takes it */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void get(const char *path, char text[64])
{
	int fd = open(path, O_RDONLY);
	ssize_t length = fd < 0 ? 0 : read(fd, text, 63);

	text[length < 0 ? 0 : length] = '\0';
	if (fd >= 0)
		close(fd);
}

static int read_value(struct runner *runner, const char *name, struct strbuf *ret,
		      struct eph_error *reterr)
{
	char text[64];

	(void)runner;
	(void)reterr;
	assert_string_equal(name, SETTING);
	get(value_path, text);
	strbuf_puts(ret, text);
	return 0;
}

static int write_value(struct runner *runner, const char *name, const char *value,
		       struct eph_error *reterr)
{
	(void)runner;
	if (strcmp(value, "refused") == 0)
		return error_set(reterr, -EINVAL, "setting", "%s refused", name);
	put(value_path, clamp_to && strcmp(value, "old") != 0 ? clamp_to : value);
	return 0;
}

static const struct setting_ops exact = {.read = read_value, .write = write_value};
static const struct setting_ops clamping = {
	.read = read_value, .write = write_value, .clamps = true};

static char *below(const char *path)
{
	static char full[2][128];
	static unsigned next;
	char *text = full[next++ % 2];

	snprintf(text, sizeof(full[0]), "%s%s", root, path);
	return text;
}

static void start(void)
{
	char path[128];

	snprintf(root, sizeof(root), "/tmp/test_change.XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(state_directory, sizeof(state_directory), "%s/state", root);
	snprintf(value_path, sizeof(value_path), "%s/value", root);
	setenv("EPHEMPORTS_ROOT", root, 1);
	setenv("EPHEMPORTS_STATE_DIR", state_directory, 1);
	snprintf(path, sizeof(path), "%s/etc", root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkdir(below("/etc/sysctl.d"), 0755), 0);
	put(below("/etc/sysctl.d/a.conf"), "old\n");
	put(value_path, "old");
	clamp_to = NULL;
}

static void finish(void)
{
	assert_int_equal(tree_count(root, "ephemports-new"), 0);
	assert_int_equal(tree_remove(root), 0);
}

enum found {
	FOUND_OLD,
	FOUND_NEW,
	FOUND_MIXTURE,
};

static enum found look(void)
{
	char file[64], value[64], created[64];

	get(below("/etc/sysctl.d/a.conf"), file);
	get(below("/etc/sysctl.d/b.conf"), created);
	get(value_path, value);
	if (!strcmp(file, "old\n") && !*created && !strcmp(value, "old") &&
	    access(below("/etc/sysctl.d/b.conf"), F_OK) < 0)
		return FOUND_OLD;
	if (!strcmp(file, "new\n") && !strcmp(created, "made\n") && !strcmp(value, "new"))
		return FOUND_NEW;
	return FOUND_MIXTURE;
}

/* The first file is replaced, the second made, then the value set. */
static struct change *plan(struct runner *runner, const char *value)
{
	struct change *change = change_new(&runner->place);
	struct runner_file a, b;

	assert_int_equal(runner->ops->file_read(runner, "/etc/sysctl.d/a.conf", &a, NULL), 0);
	assert_int_equal(runner->ops->file_read(runner, "/etc/sysctl.d/b.conf", &b, NULL), 0);
	assert_int_equal(change_add_file(change, SETTING, "old", value, "/etc/sysctl.d/a.conf", &a,
					 "new\n", 4),
			 0);
	assert_int_equal(change_add_file(change, SETTING, NULL, value, "/etc/sysctl.d/b.conf", &b,
					 "made\n", 5),
			 0);
	assert_int_equal(change_add_setting(change, SETTING, "old", value), 0);
	runner_file_done(&a);
	runner_file_done(&b);
	return change;
}

struct session {
	struct local_runner local;
	struct journal *journal;
	struct change_run run;
	struct strbuf said;
};

static void open_session(struct session *session, const struct setting_ops *settings)
{
	*session = (struct session){.said = STRBUF_INIT};
	assert_int_equal(local_runner_init(&session->local, "", NULL), 0);
	session->local.runner.settings = settings;
	assert_int_equal(journal_open(JOURNAL_WRITE, &session->journal, NULL), 0);
	session->run.runner = &session->local.runner;
	session->run.journal = session->journal;
}

static void close_session(struct session *session)
{
	journal_close(session->journal);
	local_runner_done(&session->local);
	strbuf_done(&session->said);
}

static void kill_at(void *userdata, unsigned point)
{
	if (point == *(const unsigned *)userdata)
		kill(getpid(), SIGKILL);
}

static int apply(struct session *session)
{
	struct change *change = plan(&session->local.runner, "new");
	int r = change_apply(&session->run, change, NULL);

	change_free(change);
	return r;
}

static int undo(struct session *session)
{
	struct change_list list;
	int r;

	assert_int_equal(journal_list(session->journal, &list, NULL), 0);
	r = change_undo(&session->run, &list, change_list_find(&list, "1"), NULL);
	change_list_done(&list);
	return r;
}

static int recover(struct session *session)
{
	return change_recover(&session->run, &session->said, NULL);
}

/* Do it in a process that is killed at @point; false when it came to its end before. */
static bool cut_off(int (*act)(struct session *), const struct setting_ops *settings,
		    unsigned point)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct session session;

		open_session(&session, settings);
		session.run.at_point = kill_at;
		session.run.userdata = &point;
		_exit(act(&session) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* The next run: what it leaves, and that it says so if anything was under way. */
static enum found next_run(const struct setting_ops *settings, bool *ret_said)
{
	struct change_list list;
	struct session session;
	enum found found;

	open_session(&session, settings);
	assert_int_equal(recover(&session), 0);
	found = look();
	*ret_said = session.said.length > 0;
	if (*ret_said && found == FOUND_NEW)
		assert_non_null(strstr(session.said.text, "it is done"));
	else if (*ret_said)
		assert_non_null(strstr(session.said.text, "everything is as before"));
	assert_int_equal(journal_list(session.journal, &list, NULL), 0);
	assert_int_equal(list.unreadable, 0);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.change[i]->state,
				 found == FOUND_NEW ? CHANGE_DONE : CHANGE_UNDONE);
	change_list_done(&list);
	close_session(&session);
	return found;
}

static void cut_everywhere(int (*act)(struct session *), bool begins_done)
{
	unsigned point = 1, old = 0, now = 0, said = 0;
	bool cut = true;

	for (; cut && point < POINTS_MAX; point++) {
		enum found found;
		bool spoke;

		start();
		if (begins_done)
			assert_false(cut_off(apply, &exact, 0));
		cut = cut_off(act, &exact, point);
		found = next_run(&exact, &spoke);
		if (found == FOUND_MIXTURE)
			fail_msg("a mixture after being cut off at point %u", point);
		old += found == FOUND_OLD;
		now += found == FOUND_NEW;
		said += spoke;
		finish();
	}
	print_message("%u points: old %u times, new %u times, said %u times\n", point - 2, old, now,
		      said);
	assert_true(point > 8 && point < POINTS_MAX);
	assert_true(old > 0 && now > 0 && said > 4);
}

static void applying_is_cut_off(void **state)
{
	(void)state;
	cut_everywhere(apply, false);
}

static void undoing_is_cut_off(void **state)
{
	(void)state;
	cut_everywhere(undo, true);
}

/* Settling what was interrupted is interrupted itself. */
static void recovering_is_cut_off(void **state)
{
	(void)state;
	for (unsigned first = 1; first < POINTS_MAX; first++) {
		bool cut = true;

		for (unsigned second = 1; cut && second < POINTS_MAX; second++) {
			bool spoke;

			start();
			if (!cut_off(apply, &exact, first)) {
				finish();
				return;
			}
			cut = cut_off(recover, &exact, second);
			assert_int_not_equal(next_run(&exact, &spoke), FOUND_MIXTURE);
			finish();
		}
	}
	fail();
}

/* A system that clamps: cut off while its own value stands, the old one comes back. */
static void clamped_is_cut_off(void **state)
{
	bool cut = true;

	(void)state;
	for (unsigned point = 1; cut && point < POINTS_MAX; point++) {
		struct session session;
		pid_t pid;
		int status;

		start();
		clamp_to = "clamped";
		pid = fork();
		if (pid == 0) {
			open_session(&session, &clamping);
			session.run.at_point = kill_at;
			session.run.userdata = &point;
			_exit(apply(&session) == -EREMOTEIO ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		cut = WIFSIGNALED(status);
		assert_true(cut || WEXITSTATUS(status) == 0);
		open_session(&session, &clamping);
		assert_int_equal(recover(&session), 0);
		assert_int_equal(look(), FOUND_OLD);
		close_session(&session);
		finish();
	}
	assert_false(cut);
}

static void takes_all_back(void **state)
{
	static const char *const wanted[] = {"refused", "clamped"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct session session;
		struct change *change;
		struct eph_error error;

		start();
		clamp_to = i ? "else" : NULL;
		open_session(&session, i ? &clamping : &exact);
		change = plan(&session.local.runner, wanted[i]);
		assert_int_equal(change_apply(&session.run, change, &error),
				 i ? -EREMOTEIO : -EINVAL);
		assert_int_equal(look(), FOUND_OLD);
		assert_int_equal(change->state, CHANGE_UNDONE);
		change_free(change);
		close_session(&session);
		finish();
	}
}

/* A system that takes what it is given says another value: somebody else set it just then, and it stays. */
static void leaves_what_another_sets_meanwhile(void **state)
{
	struct session session;
	struct change *change;
	struct eph_error error;
	char value[64], file[64];

	(void)state;
	start();
	clamp_to = "another's";
	open_session(&session, &exact);
	change = plan(&session.local.runner, "new");
	assert_int_equal(change_apply(&session.run, change, &error), -EREMOTEIO);
	get(value_path, value);
	get(below("/etc/sysctl.d/a.conf"), file);
	assert_string_equal(value, "another's");
	assert_string_equal(file, "old\n");
	assert_int_equal(change->state, CHANGE_UNDONE);
	change_free(change);
	close_session(&session);
	finish();
}

static void leaves_others_alone(void **state)
{
	struct session session;
	struct change_list list;
	struct eph_error error;
	char text[64];

	(void)state;
	start();
	open_session(&session, &exact);
	assert_int_equal(apply(&session), 0);
	assert_int_equal(look(), FOUND_NEW);
	put(below("/etc/sysctl.d/a.conf"), "theirs\n");
	assert_int_equal(undo(&session), -ESTALE);
	put(below("/etc/sysctl.d/a.conf"), "new\n");
	put(value_path, "theirs");
	assert_int_equal(undo(&session), -ESTALE);
	put(value_path, "new");
	/* A plan that is out of date is not carried out. */
	assert_int_equal(undo(&session), 0);
	assert_int_equal(look(), FOUND_OLD);
	put(value_path, "theirs");
	assert_int_equal(apply(&session), -ESTALE);
	put(value_path, "old");
	/* A change of another tree is none of ours. */
	assert_int_equal(apply(&session), 0);
	assert_int_equal(journal_list(session.journal, &list, NULL), 0);
	snprintf(list.change[1]->place.root, sizeof(list.change[1]->place.root), "/elsewhere");
	assert_int_equal(change_undo(&session.run, &list, list.change[1], &error), -EXDEV);
	assert_int_equal(journal_mark(session.journal, list.change[1], CHANGE_BEGUN, NULL), 0);
	put(value_path, "theirs");
	assert_int_equal(recover(&session), 0);
	assert_int_equal(session.said.length, 0);
	get(value_path, text);
	assert_string_equal(text, "theirs");
	change_list_done(&list);
	close_session(&session);
	finish();
}

/* Two changes: the first is not undone while the second stands. */
static void undoes_in_order(void **state)
{
	struct session session;
	struct change_list list;
	struct change *change;
	struct eph_error error;

	(void)state;
	start();
	open_session(&session, &exact);
	assert_int_equal(apply(&session), 0);
	change = change_new(&session.local.runner.place);
	assert_int_equal(change_add_setting(change, SETTING, "new", "newer"), 0);
	assert_int_equal(change_apply(&session.run, change, NULL), 0);
	assert_string_equal(change->id, "2");
	change_free(change);
	assert_int_equal(journal_list(session.journal, &list, NULL), 0);
	assert_int_equal(change_undo(&session.run, &list, list.change[0], &error), -EBUSY);
	assert_non_null(strstr(error.message, "undo 2"));
	assert_int_equal(change_undo(&session.run, &list, list.change[1], &error), 0);
	assert_int_equal(change_undo(&session.run, &list, list.change[1], &error), -EALREADY);
	assert_int_equal(change_undo(&session.run, &list, list.change[0], &error), 0);
	assert_int_equal(look(), FOUND_OLD);
	change_list_done(&list);
	close_session(&session);
	finish();
}

/* After a reboot a namespace goes by its name; a process's number, or an inode's, then means another one. */
static void knows_its_place(void **state)
{
	static const struct {
		const char *name;
		bool same;
	} after_reboot[] = {{"", true}, {"blue", true}, {"4012", false}, {"net:[5]", false}};
	struct change_place a = {.netns = 5, .boot = "1"}, b = a;

	(void)state;
	assert_true(change_place_same(&a, &b));
	b.netns = 6;
	assert_false(change_place_same(&a, &b));
	snprintf(b.boot, sizeof(b.boot), "2");
	for (size_t i = 0; i < sizeof(after_reboot) / sizeof(after_reboot[0]); i++) {
		snprintf(a.netns_name, sizeof(a.netns_name), "%s", after_reboot[i].name);
		snprintf(b.netns_name, sizeof(b.netns_name), "%s", after_reboot[i].name);
		assert_int_equal(change_place_same(&a, &b), after_reboot[i].same);
	}
	snprintf(b.root, sizeof(b.root), "/x");
	assert_false(change_place_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(applying_is_cut_off),
		cmocka_unit_test(undoing_is_cut_off),
		cmocka_unit_test(leaves_what_another_sets_meanwhile),
		cmocka_unit_test(recovering_is_cut_off),
		cmocka_unit_test(clamped_is_cut_off),
		cmocka_unit_test(takes_all_back),
		cmocka_unit_test(leaves_others_alone),
		cmocka_unit_test(undoes_in_order),
		cmocka_unit_test(knows_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
