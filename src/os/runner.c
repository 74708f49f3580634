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
