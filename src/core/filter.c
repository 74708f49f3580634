#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "parse.h"
#include "socket_table.h"
#include "strbuf.h"

#define FILTER_NODES_MAX 512
#define FILTER_DEPTH_MAX 64
#define FILTER_BYTES_MAX 8192

enum node_kind {
	NODE_AND,
	NODE_OR,
	NODE_NOT, /* of `left` */
	NODE_ADDRESS,
	NODE_PORT,
	NODE_STATE,
};

enum comparison {
	COMPARE_EQ,
	COMPARE_NE,
	COMPARE_LT,
	COMPARE_LE,
	COMPARE_GT,
	COMPARE_GE,
};

struct node {
	enum node_kind kind;
	enum comparison comparison; /* NODE_PORT */
	bool local;                 /* NODE_ADDRESS, NODE_PORT: src and sport, else dst and dport */
	unsigned left, right;       /* nodes */
	struct ip_address prefix;   /* NODE_ADDRESS; IP_NONE: any */
	unsigned bits;
	uint16_t port;   /* NODE_ADDRESS: 0 is any */
	uint32_t states; /* NODE_STATE: 1 << state */
};

struct filter {
	struct node node[FILTER_NODES_MAX];
	unsigned nodes, root;
};

/* One token of the joined words: a name, an address, or one of ( ) ! and or = != < <= > >=. */
struct token {
	const char *text;
	size_t length;
};

struct parser {
	struct filter *filter;
	const char *cursor;
	struct token token; /* the current one; length 0 at the end */
	unsigned depth;
	struct eph_error *reterr;
};

static bool is_symbol(char c)
{
	return strchr("()!&|=<>", c) != NULL;
}

static void advance(struct parser *parser)
{
	const char *start = parser->cursor;
	size_t length = 0;

	while (*start == ' ' || *start == '\t' || *start == '\n')
		start++;
	if (*start && is_symbol(*start)) {
		bool doubled =
			(*start == '&' || *start == '|' || *start == '=') && start[1] == *start;
		bool with_equals =
			(*start == '!' || *start == '<' || *start == '>') && start[1] == '=';

		length = doubled || with_equals ? 2 : 1;
	} else {
		while (start[length] && !strchr(" \t\n", start[length]) &&
		       !is_symbol(start[length]))
			length++;
	}
	parser->token = (struct token){start, length};
	parser->cursor = start + length;
}

static bool token_is(const struct parser *parser, const char *word)
{
	return parse_is(parser->token.text, parser->token.length, word);
}

static bool take(struct parser *parser, const char *word, const char *symbol, const char *doubled)
{
	if (!token_is(parser, word) && !token_is(parser, symbol) && !token_is(parser, doubled))
		return false;
	advance(parser);
	return true;
}

static int refuse(const struct parser *parser, const char *expected)
{
	int shown = parser->token.length < 64 ? (int)parser->token.length : 64;

	if (!parser->token.length)
		return error_set(parser->reterr, -EINVAL, "filter", "ends too early: expected %s",
				 expected);
	return error_set(parser->reterr, -EINVAL, "filter", "'%.*s' is not understood: expected %s",
			 shown, parser->token.text, expected);
}

static int add_node(struct parser *parser, const struct node *node, unsigned *ret)
{
	if (parser->filter->nodes == FILTER_NODES_MAX)
		return error_set(parser->reterr, -EINVAL, "filter", "more than %d conditions",
				 FILTER_NODES_MAX);
	*ret = parser->filter->nodes++;
	parser->filter->node[*ret] = *node;
	return 0;
}

/* "10/8" and "192.168/16": the missing bytes are zero. */
static int parse_short_v4(const char *text, struct ip_address *ret)
{
	char full[32];
	size_t length = strlen(text);
	unsigned dots = 0;

	for (size_t i = 0; i < length; i++)
		dots += text[i] == '.';
	if (!length || length > 15 || dots > 3 || strspn(text, "0123456789.") != length)
		return -EINVAL;
	memcpy(full, text, length + 1);
	for (; dots < 3; dots++, length += 2)
		memcpy(full + length, ".0", 3);
	return ip_address_parse(full, ret, NULL);
}

/* @text is ADDRESS, or ADDRESS/@bits when @bits is not NULL. */
static int parse_prefix(const char *text, const char *bits, struct node *node)
{
	uint64_t value = 0;
	bool mapped;
	int r;

	if (!*text || !strcmp(text, "*"))
		return bits ? -EINVAL : 0;
	r = ip_address_parse(text, &node->prefix, NULL);
	if (r < 0 && bits)
		r = parse_short_v4(text, &node->prefix);
	if (r < 0)
		return r;
	node->bits = node->prefix.family == IP_V4 ? 32 : 128;
	if (!bits)
		return 0;
	mapped = node->prefix.family == IP_V4 && strchr(text, ':');
	r = parse_uint(bits, strlen(bits), mapped ? 128 : node->bits, &value);
	if (r < 0 || (mapped && value < 96))
		return -EINVAL;
	node->bits = (unsigned)value - (mapped ? 96 : 0);
	return 0;
}

/* ADDRESS[/BITS][:PORT], ":PORT", "*:PORT". IPv6 with a port needs brackets, or /BITS before the
 * port. */
static int parse_endpoint(const struct token *token, struct node *node)
{
	char text[96], *address = text, *rest, *slash, *bits = NULL, *port = NULL;

	if (!token->length || token->length >= sizeof(text))
		return -EINVAL;
	memcpy(text, token->text, token->length);
	text[token->length] = '\0';
	if (*text == '[') {
		address = text + 1;
		rest = strchr(address, ']');
		if (!rest)
			return -EINVAL;
		*rest++ = '\0';
		if (*rest && *rest != '/' && *rest != ':')
			return -EINVAL;
	} else {
		rest = text;
		if (strchr(text, ':') != strrchr(text, ':'))
			rest += strcspn(text, "/");
	}
	slash = strchr(rest, '/');
	port = strchr(slash ? slash : rest, ':');
	if (slash) {
		bits = slash + 1;
		*slash = '\0';
	}
	if (port) {
		*port++ = '\0';
		if (strcmp(port, "*") && parse_port(port, &node->port) < 0)
			return -EINVAL;
	}
	return parse_prefix(address, bits, node);
}

static int parse_address(struct parser *parser, bool local, unsigned *ret)
{
	struct node node = {.kind = NODE_ADDRESS, .local = local};
	bool negated = false;
	int r;

	if (token_is(parser, "!=") || token_is(parser, "ne")) {
		negated = true;
		advance(parser);
	} else {
		take(parser, "eq", "=", "==");
	}
	if (parse_endpoint(&parser->token, &node) < 0)
		return refuse(parser,
			      "ADDRESS[/BITS][:PORT], as in 10/8, 10.0.0.5:443 or [2001:db8::]/32");
	advance(parser);
	r = add_node(parser, &node, ret);
	if (r < 0 || !negated)
		return r;
	return add_node(parser, &(struct node){.kind = NODE_NOT, .left = *ret}, ret);
}

static enum comparison parse_comparison(struct parser *parser)
{
	static const struct {
		const char *word, *symbol, *doubled;
		enum comparison comparison;
	} table[] = {
		{"eq", "=", "==", COMPARE_EQ}, {"ne", "!=", "neq", COMPARE_NE},
		{"lt", "<", "<", COMPARE_LT},  {"le", "<=", "leq", COMPARE_LE},
		{"gt", ">", ">", COMPARE_GT},  {"ge", ">=", "geq", COMPARE_GE},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (take(parser, table[i].word, table[i].symbol, table[i].doubled))
			return table[i].comparison;
	return COMPARE_EQ;
}

static int parse_port_test(struct parser *parser, bool local, unsigned *ret)
{
	struct node node = {.kind = NODE_PORT, .local = local};
	const char *text;
	size_t length;
	uint64_t port;

	node.comparison = parse_comparison(parser);
	text = parser->token.text;
	length = parser->token.length;
	if (length && *text == ':') {
		text++;
		length--;
	}
	if (parse_uint(text, length, 65535, &port) < 0)
		return refuse(parser, "a port number, as in dport = :443 or sport >= 40000");
	node.port = (uint16_t)port;
	advance(parser);
	return add_node(parser, &node, ret);
}

#define STATE_BIT(state) (1u << (state))
#define ALL_STATES       ((1u << SOCKET_STATES) - 1)

static uint32_t states_named(const struct token *token)
{
	static const struct {
		const char *name;
		uint32_t states;
	} more[] = {
		{"all", ALL_STATES},
		{"connected", ALL_STATES & ~(STATE_BIT(STATE_CLOSE) | STATE_BIT(STATE_LISTEN) |
					     STATE_BIT(STATE_BOUND))},
		{"synchronized",
		 ALL_STATES & ~(STATE_BIT(STATE_CLOSE) | STATE_BIT(STATE_LISTEN) |
				STATE_BIT(STATE_BOUND) | STATE_BIT(STATE_SYN_SENT))},
		{"bucket", STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV) |
				   STATE_BIT(STATE_TIME_WAIT)},
		{"big", ALL_STATES & ~(STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV) |
				       STATE_BIT(STATE_TIME_WAIT))},
		{"closed", STATE_BIT(STATE_CLOSE)},
		{"listen", STATE_BIT(STATE_LISTEN)},
		{"bound-inactive", STATE_BIT(STATE_BOUND)},
	};
	uint32_t states = 0;

	for (unsigned state = STATE_ESTABLISHED; state < SOCKET_STATES; state++)
		if (parse_is(token->text, token->length, socket_state_name((uint8_t)state)))
			states |= STATE_BIT(state);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (parse_is(token->text, token->length, more[i].name))
			states |= more[i].states;
	return states;
}

static int parse_state(struct parser *parser, bool exclude, unsigned *ret)
{
	struct node node = {.kind = NODE_STATE, .states = states_named(&parser->token)};

	if (!node.states)
		return refuse(parser, "a state, as in established, time-wait or syn-sent");
	if (exclude)
		node.states = ALL_STATES & ~node.states;
	advance(parser);
	return add_node(parser, &node, ret);
}

static int parse_or(struct parser *parser, unsigned *ret);

static int parse_group(struct parser *parser, unsigned *ret)
{
	int r;

	if (++parser->depth > FILTER_DEPTH_MAX)
		return error_set(parser->reterr, -EINVAL, "filter", "nested deeper than %d",
				 FILTER_DEPTH_MAX);
	advance(parser);
	r = parse_or(parser, ret);
	if (r < 0)
		return r;
	if (!token_is(parser, ")"))
		return refuse(parser, "a closing parenthesis");
	advance(parser);
	parser->depth--;
	return 0;
}

static int parse_not(struct parser *parser, unsigned *ret)
{
	bool negated = false;
	int r;

	while (take(parser, "not", "!", "!"))
		negated = !negated;
	if (token_is(parser, "("))
		r = parse_group(parser, ret);
	else if (take(parser, "src", "src", "src"))
		r = parse_address(parser, true, ret);
	else if (take(parser, "dst", "dst", "dst"))
		r = parse_address(parser, false, ret);
	else if (take(parser, "sport", "sport", "sport"))
		r = parse_port_test(parser, true, ret);
	else if (take(parser, "dport", "dport", "dport"))
		r = parse_port_test(parser, false, ret);
	else if (take(parser, "state", "state", "state"))
		r = parse_state(parser, false, ret);
	else if (take(parser, "exclude", "exclude", "exclude"))
		r = parse_state(parser, true, ret);
	else
		r = refuse(parser, "src, dst, sport, dport, state, not or a parenthesis");
	if (r < 0 || !negated)
		return r;
	return add_node(parser, &(struct node){.kind = NODE_NOT, .left = *ret}, ret);
}

/* Conditions side by side are joined by "and", as ss does. */
static int parse_and(struct parser *parser, unsigned *ret)
{
	int r = parse_not(parser, ret);

	while (r == 0 && parser->token.length && !token_is(parser, ")") &&
	       !token_is(parser, "or") && !token_is(parser, "|") && !token_is(parser, "||")) {
		struct node node = {.kind = NODE_AND, .left = *ret};

		take(parser, "and", "&", "&&");
		r = parse_not(parser, &node.right);
		if (r == 0)
			r = add_node(parser, &node, ret);
	}
	return r;
}

static int parse_or(struct parser *parser, unsigned *ret)
{
	int r = parse_and(parser, ret);

	while (r == 0 && take(parser, "or", "|", "||")) {
		struct node node = {.kind = NODE_OR, .left = *ret};

		r = parse_and(parser, &node.right);
		if (r == 0)
			r = add_node(parser, &node, ret);
	}
	return r;
}

static int parse_text(const char *text, struct filter *filter, struct eph_error *reterr)
{
	struct parser parser = {.filter = filter, .cursor = text, .reterr = reterr};
	int r;

	advance(&parser);
	r = parse_or(&parser, &filter->root);
	if (r == 0 && parser.token.length)
		r = refuse(&parser, "and, or, or the end");
	return r;
}

int filter_parse(const char *const *words, unsigned count, struct filter **ret,
		 struct eph_error *reterr)
{
	struct strbuf text = STRBUF_INIT;
	struct filter *filter;
	int r;

	*ret = NULL;
	if (!count)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		strbuf_puts(&text, words[i]);
		strbuf_putc(&text, ' ');
	}
	filter = calloc(1, sizeof(*filter));
	if (!filter || text.failed)
		r = error_set(reterr, -ENOMEM, "filter", "out of memory");
	else if (text.length > FILTER_BYTES_MAX)
		r = error_set(reterr, -EINVAL, "filter", "longer than %d bytes", FILTER_BYTES_MAX);
	else if (strspn(text.text, " \t\n") == text.length)
		r = error_set(reterr, -EINVAL, "filter",
			      "is empty: expected a condition, as in dport = :443");
	else
		r = parse_text(text.text, filter, reterr);
	strbuf_done(&text);
	if (r < 0) {
		free(filter);
		return r;
	}
	*ret = filter;
	return 0;
}

struct filter *filter_free(struct filter *filter)
{
	free(filter);
	return NULL;
}

void filter_freep(struct filter **filter)
{
	*filter = filter_free(*filter);
}

static bool compare(uint16_t port, enum comparison comparison, uint16_t with)
{
	switch (comparison) {
	case COMPARE_EQ:
		return port == with;
	case COMPARE_NE:
		return port != with;
	case COMPARE_LT:
		return port < with;
	case COMPARE_LE:
		return port <= with;
	case COMPARE_GT:
		return port > with;
	case COMPARE_GE:
		return port >= with;
	}
	return false;
}

static bool match(const struct filter *filter, unsigned index, const struct socket_record *record)
{
	const struct node *node = &filter->node[index];
	const struct ip_address *address = node->local ? &record->local : &record->remote;
	uint16_t port = node->local ? record->local_port : record->remote_port;
	uint8_t state = record->flags & SOCKET_MINI ? STATE_TIME_WAIT : record->state;

	switch (node->kind) {
	case NODE_AND:
		return match(filter, node->left, record) && match(filter, node->right, record);
	case NODE_OR:
		return match(filter, node->left, record) || match(filter, node->right, record);
	case NODE_NOT:
		return !match(filter, node->left, record);
	case NODE_ADDRESS:
		return (node->prefix.family == IP_NONE ||
			ip_address_in_prefix(address, &node->prefix, node->bits)) &&
		       (!node->port || node->port == port);
	case NODE_PORT:
		return compare(port, node->comparison, node->port);
	case NODE_STATE:
		return state < SOCKET_STATES && (node->states & STATE_BIT(state));
	}
	return false;
}

bool filter_match(const struct filter *filter, const struct socket_record *record)
{
	return !filter || match(filter, filter->root, record);
}
