#include "runner.h"

#include <stdlib.h>

void runner_output_init(struct runner_output *output)
{
	const struct strbuf empty = STRBUF_INIT;

	output->text = empty;
	output->errors = empty;
	output->status = 0;
}

void runner_output_done(struct runner_output *output)
{
	strbuf_done(&output->text);
	strbuf_done(&output->errors);
}

void runner_file_done(struct runner_file *file)
{
	free(file->text);
	*file = (struct runner_file){.exists = false};
}

struct text_span runner_said(const struct strbuf *first, const struct strbuf *second)
{
	const struct strbuf *text = first->length ? first : second;
	struct text_lines lines = text_lines(text->text, text->length, false);
	struct text_span line = {"", 0};

	while (!line.length && text_line_next(&lines, &line))
		;
	line.length = line.length > RUNNER_SAID_MAX ? RUNNER_SAID_MAX : line.length;
	return line;
}
