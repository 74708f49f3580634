#include "sysctl_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "sysctl_edit.h"
#include "text_sysctl_conf.h"

static bool mentions(const struct file_text *file, const char *key)
{
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct sysctl_line line;

	return text_sysctl_conf_next(&lines, key, &line);
}

/* Where the file really lies is asked only of those that matter. What is no plain file is left to its name here, and
 * refused when it is to be replaced. */
static void find_facts(struct runner *runner, const struct file_list *files, const char *key,
		       struct sysctl_fact *facts, char **real)
{
	sysctl_facts_guess(files, facts);
	for (size_t i = 0; i < files->count; i++) {
		struct runner_file file;

		if (!mentions(&files->file[i], key))
			continue;
		if (runner->ops->file_read(runner, files->file[i].path, &file, NULL) == 0 &&
		    *file.real_path)
			real[i] = strdup(file.real_path);
		runner_file_done(&file);
		if (!real[i])
			continue;
		facts[i] = (struct sysctl_fact){i, strncmp(real[i], "/etc/", 5) == 0};
		for (size_t j = 0; j < i && facts[i].same == i; j++)
			if (real[j] && strcmp(real[i], real[j]) == 0)
				facts[i].same = j;
	}
}

static const struct file_text *find_given(const struct file_list *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->file[i].path, path) == 0)
			return &files->file[i];
	return NULL;
}

static int add_edit(struct change *change, struct runner *runner, const struct file_list *files,
		    const char *key, const char *value, const struct sysctl_edit *edit,
		    struct eph_error *reterr)
{
	const struct file_text *given = find_given(files, edit->path);
	struct runner_file file;
	int r = runner->ops->file_read(runner, edit->path, &file, reterr);

	if (r == 0 && (file.exists != (given != NULL) ||
		       (given && (given->length != file.length ||
				  memcmp(given->text, file.text, file.length) != 0))))
		r = error_set(reterr, -ESTALE, "sysctl",
			      "%.200s was changed by somebody else meanwhile", edit->path);
	if (r == 0) {
		r = change_add_file(change, key, edit->before, value, edit->path, &file,
				    edit->text.text, edit->text.length);
		if (r < 0)
			error_set(reterr, r, "sysctl", "%.200s: %s", edit->path, strerror(-r));
	}
	runner_file_done(&file);
	return r;
}

int sysctl_change_add(struct change *change, struct runner *runner, const struct file_list *files,
		      const struct sysctl_readers *readers, const char *key, const char *value,
		      char **ret_other, struct eph_error *reterr)
{
	CLEANUP(freep) struct sysctl_fact *facts = calloc(files->count + 1, sizeof(*facts));
	CLEANUP(freep) char **real = calloc(files->count + 1, sizeof(*real));
	struct sysctl_plan plan = {.edits = 0};
	int r = facts && real ? 0 : error_set(reterr, -ENOMEM, "sysctl", "out of memory");

	if (r == 0)
		find_facts(runner, files, key, facts, real);
	if (r == 0)
		r = sysctl_edit_plan(files, facts, readers, key, value, &plan, reterr);
	for (unsigned i = 0; r == 0 && i < plan.edits; i++)
		r = add_edit(change, runner, files, key, value, &plan.edit[i], reterr);
	for (size_t i = 0; real && i < files->count; i++)
		free(real[i]);
	*ret_other = r == 0 ? TAKE_PTR(plan.other) : NULL;
	sysctl_plan_done(&plan);
	return r;
}
