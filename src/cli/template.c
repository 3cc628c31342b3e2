/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text and actions of a template as one flat list: a block knows the index of its else and its
 * end, so running it needs no tree. Pipelines are evaluated by template_expr.c. Pure.
 */
#include "template.h"

#include "template_inner.h"

#include <string.h>

enum node_kind {
    NODE_TEXT,
    NODE_PRINT,
    NODE_IF,
    NODE_RANGE,
    NODE_WITH,
    NODE_DEFINE,
    NODE_BLOCK, /* a define that is run where it stands */
    NODE_ELSE,
    NODE_END,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
};

struct node {
    enum node_kind kind;
    size_t column;          /* where the action stands, for errors */
    char *text;             /* of NODE_TEXT, or the pipeline */
    char *key, *value;      /* variables that the action declares, with '$' */
    size_t else_at, end_at; /* of a block; else_at == end_at without an else */
    char *name;             /* of NODE_DEFINE, NODE_BLOCK and NODE_TEMPLATE */
    bool assigns;           /* the variable is there: "$v = …" */
    bool chains;            /* "else if": its own end is the outer one's */
};

#define NODES_MAX 4096
#define STEPS_MAX 50000 /* templates that call each other end */

struct go_template {
    struct node *nodes;
    size_t n;
};

struct template_parser {
    struct arena *a;
    struct go_template *t;
    size_t open[TEMPLATE_DEPTH_MAX]; /* blocks without their end */
    size_t depth;
    size_t column; /* of the action that is parsed */
};

static struct err *add(struct template_parser *p, struct node node)
{
    ASSERT(p->t->n <= NODES_MAX);
    if (p->t->n == NODES_MAX)
        return err_new(ERR_TOO_LARGE, "the template is too long");
    node.column = p->column;
    p->t->nodes[p->t->n++] = node;
    return NULL;
}

/* A keyword ends at a blank or at what can begin an operand. */
static bool takes_keyword(char **text, const char *keyword)
{
    size_t n = strlen(keyword);

    if (strncmp(*text, keyword, n) != 0 || ((*text)[n] && !strchr(" \t\n($", (*text)[n])))
        return false;
    *text = text_trim(*text + n);
    return true;
}

static const char word_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* "$v = rest": a variable that is there already. */
static char *take_assignment(struct arena *a, char *text, struct node *node)
{
    size_t n = 1 + strspn(text + 1, word_letters);
    char *sign = text + n + strspn(text + n, " \t\n");

    if (sign[0] != '=')
        return text;
    node->value = arena_strndup(a, text, n);
    node->assigns = true;
    return text_trim(sign + 1);
}

/* "$k, $v := rest" or "$v := rest". */
static char *take_variables(struct arena *a, char *text, struct node *node)
{
    char *sign = strstr(text, ":=");
    char *comma;
    char *names;

    if (text[0] == '$' && !sign)
        return take_assignment(a, text, node);
    if (text[0] != '$')
        return text;
    names = arena_strndup(a, text, (size_t)(sign - text));
    comma = strchr(names, ',');
    if (comma) {
        *comma = '\0';
        node->key = text_trim(names);
        names = comma + 1;
    }
    node->value = text_trim(names);
    return text_trim(sign + 2);
}

static struct err *open_block(struct template_parser *p, enum node_kind kind, char *text,
                              bool chains)
{
    struct node node = {.kind = kind, .chains = chains};

    if (p->depth == TEMPLATE_DEPTH_MAX)
        return err_new(ERR_INVALID, "too many nested blocks");
    node.text = take_variables(p->a, text, &node);
    if (!node.text[0])
        return err_new(ERR_INVALID, "missing value for command");
    p->open[p->depth++] = p->t->n;
    return add(p, node);
}

static struct err *close_block(struct template_parser *p)
{
    struct node *block;

    ASSERT(p->depth <= TEMPLATE_DEPTH_MAX);
    do {
        if (!p->depth)
            return err_new(ERR_INVALID, "unexpected {{end}}");
        block = &p->t->nodes[p->open[--p->depth]];
        block->end_at = p->t->n;
        if (!block->else_at)
            block->else_at = block->end_at;
    } while (block->chains);
    return add(p, (struct node){.kind = NODE_END});
}

static struct err *add_else(struct template_parser *p, char *rest)
{
    struct node *block = p->depth ? &p->t->nodes[p->open[p->depth - 1]] : NULL;

    if (!block || block->else_at || block->kind == NODE_DEFINE || block->kind == NODE_BLOCK)
        return err_new(ERR_INVALID, "unexpected {{else}}");
    block->else_at = p->t->n;
    TRY(add(p, (struct node){.kind = NODE_ELSE}));
    if (takes_keyword(&rest, "if"))
        return open_block(p, NODE_IF, rest, true);
    if (*rest)
        return err_new(ERR_INVALID, "unexpected \"%s\" in else", rest);
    return NULL;
}

/* `"name" rest` */
static struct err *take_name(struct template_parser *p, char **text, const char *what, char **out)
{
    char quote = **text;
    char *end = quote == '"' || quote == '`' ? strchr(*text + 1, quote) : NULL;

    if (!end)
        return err_new(ERR_INVALID, "unexpected \"%s\" in %s", *text, what);
    *out = arena_strndup(p->a, *text + 1, (size_t)(end - *text - 1));
    *text = text_trim(end + 1);
    return NULL;
}

static struct err *open_define(struct template_parser *p, char *text)
{
    struct node node = {.kind = NODE_DEFINE};

    if (p->depth)
        return err_new(ERR_INVALID, "unexpected {{define}}");
    TRY(take_name(p, &text, "define clause", &node.name));
    if (*text)
        return err_new(ERR_INVALID, "unexpected \"%s\" in define clause", text);
    p->open[p->depth++] = p->t->n;
    return add(p, node);
}

static struct err *open_named_block(struct template_parser *p, char *text)
{
    struct node node = {.kind = NODE_BLOCK};

    if (p->depth == TEMPLATE_DEPTH_MAX)
        return err_new(ERR_INVALID, "too many nested blocks");
    TRY(take_name(p, &text, "block clause", &node.name));
    if (!*text)
        return err_new(ERR_INVALID, "missing value for block clause");
    node.text = text;
    p->open[p->depth++] = p->t->n;
    return add(p, node);
}

static struct err *add_template(struct template_parser *p, char *text)
{
    struct node node = {.kind = NODE_TEMPLATE};

    TRY(take_name(p, &text, "template clause", &node.name));
    node.text = *text ? text : NULL;
    return add(p, node);
}

static struct err *add_jump(struct template_parser *p, enum node_kind kind, const char *word,
                            const char *rest)
{
    bool is_inside = false;

    if (*rest)
        return err_new(ERR_INVALID, "unexpected \"%s\" in {{%s}}", rest, word);
    for (size_t i = 0; i < p->depth; i++)
        is_inside |= p->t->nodes[p->open[i]].kind == NODE_RANGE;
    if (!is_inside)
        return err_new(ERR_INVALID, "{{%s}} outside {{range}}", word);
    return add(p, (struct node){.kind = kind});
}

static struct err *add_action(struct template_parser *p, char *text)
{
    struct node node = {.kind = NODE_PRINT};

    text = text_trim(text);
    if (text_starts(text, "/*"))
        return NULL;
    if (takes_keyword(&text, "if"))
        return open_block(p, NODE_IF, text, false);
    if (takes_keyword(&text, "range"))
        return open_block(p, NODE_RANGE, text, false);
    if (takes_keyword(&text, "with"))
        return open_block(p, NODE_WITH, text, false);
    if (takes_keyword(&text, "else"))
        return add_else(p, text);
    if (takes_keyword(&text, "end"))
        return close_block(p);
    if (takes_keyword(&text, "define"))
        return open_define(p, text);
    if (takes_keyword(&text, "block"))
        return open_named_block(p, text);
    if (takes_keyword(&text, "template"))
        return add_template(p, text);
    if (takes_keyword(&text, "break"))
        return add_jump(p, NODE_BREAK, "break", text);
    if (takes_keyword(&text, "continue"))
        return add_jump(p, NODE_CONTINUE, "continue", text);
    if (!*text)
        return err_new(ERR_INVALID, "missing value for command");
    node.text = take_variables(p->a, text, &node);
    return add(p, node);
}

/* End of an action: the "}}" that is not inside quotes. */
static const char *find_close(const char *s)
{
    char quote = 0;

    for (; *s; s++) {
        if (quote == '"' && *s == '\\' && s[1])
            s++;
        else if (quote)
            quote = *s == quote ? 0 : quote;
        else if (*s == '"' || *s == '`')
            quote = *s;
        else if (s[0] == '}' && s[1] == '}')
            return s;
    }
    return NULL;
}

/* "{{-" and "-}}" take the white space of the text beside them (text/template, "Text and
 * spaces"). */
static struct err *add_text(struct template_parser *p, const char *s, size_t len, bool trims_left,
                            bool trims_right)
{
    while (trims_left && len && strchr(" \t\r\n", *s)) {
        s++;
        len--;
    }
    while (trims_right && len && strchr(" \t\r\n", s[len - 1]))
        len--;
    if (!len)
        return NULL;
    return add(p, (struct node){.kind = NODE_TEXT, .text = arena_strndup(p->a, s, len)});
}

static struct err *parse(struct template_parser *p, const char *text)
{
    const char *start = text;
    bool trims_left = false;

    while (*text) {
        const char *open = strstr(text, "{{");
        const char *close = open ? find_close(open + 2) : NULL;
        bool dash = open && open[2] == '-' && strchr(" \t\n", open[3] ? open[3] : 'x');
        const char *end = close;

        TRY(add_text(p, text, open ? (size_t)(open - text) : strlen(text), trims_left, dash));
        if (!open)
            break;
        if (!close)
            return err_new(ERR_INVALID, "unclosed action");
        open += dash ? 3 : 2;
        trims_left = close > open + 1 && close[-1] == '-' && strchr(" \t\n", close[-2]);
        if (trims_left)
            end--;
        p->column = (size_t)(open - start);
        TRY(add_action(p, arena_strndup(p->a, open, (size_t)(end - open))));
        text = close + 2;
    }
    if (p->depth)
        return err_new(ERR_INVALID, "unexpected EOF");
    return NULL;
}

struct err *template_parse(struct arena *a, const char *text, struct go_template **out)
{
    struct go_template *t = arena_new(a, struct go_template);
    struct template_parser p = {.a = a, .t = t};
    struct err *e;

    t->nodes = arena_array(a, NODES_MAX, sizeof(*t->nodes));
    e = parse(&p, text);
    if (e)
        return err_wrap(e, "template: :1");
    *out = t;
    return NULL;
}

static struct err *run_nodes(struct scope *s, const struct go_template *t, size_t from, size_t to,
                             struct buf *out);

static struct err *eval(struct scope *s, const struct node *node, const struct json **out)
{
    struct err *e = pipeline_eval(s, node->text, out);

    return e ? err_wrap(e, ":1:%zu", node->column) : NULL;
}

/* In the scope of the block: it ends with it. */
static void declare(struct scope *s, struct variable *v, const char *name, const struct json *value)
{
    *v = (struct variable){.name = name, .value = value, .older = s->variables};
    s->variables = v;
}

/* The variables live in this frame: those of the block are gone when it is left. */
static struct err *run_item(struct scope *s, const struct go_template *t, size_t at,
                            const struct json *key, const struct json *item, struct buf *out)
{
    const struct node *block = &t->nodes[at];
    struct scope inner = *s;
    struct variable names[2];

    inner.dot = item;
    if (block->key)
        declare(&inner, &names[0], block->key, key);
    if (block->value)
        declare(&inner, &names[1], block->value, item);
    return run_nodes(&inner, t, at + 1, block->else_at, out);
}

/* Whether the range goes on. */
static bool goes_on(struct run *run)
{
    bool was_broken = run->flow == FLOW_BREAK;

    run->flow = FLOW_ON;
    return !was_broken;
}

/* Maps in the order of their keys, as Go does it. */
static struct err *run_range(struct scope *s, const struct go_template *t, size_t at,
                             const struct json *list, struct buf *out)
{
    const struct node *block = &t->nodes[at];
    int64_t i = 0;

    if (!json_len(list))
        return run_nodes(s, t, block->else_at, block->end_at, out);
    if (json_type(list) == JSON_OBJECT) {
        for (const struct json **m = value_sorted(s->a, list); *m; m++) {
            TRY(run_item(s, t, at, value_of_text(s->a, json_key(*m)), *m, out));
            if (!goes_on(s->run))
                break;
        }
        return NULL;
    }
    for (const struct json *m = json_first(list); m; m = json_next(m)) {
        TRY(run_item(s, t, at, value_of_int(s->a, i++), m, out));
        if (!goes_on(s->run))
            break;
    }
    return NULL;
}

static struct err *run_block(struct scope *s, const struct go_template *t, size_t at,
                             struct buf *out)
{
    const struct node *block = &t->nodes[at];
    const struct json *value = NULL;
    struct scope test = *s;

    ASSERT(at < t->n && block->end_at < t->n && block->else_at <= block->end_at);
    test.is_test = true;
    TRY(eval(&test, block, &value));
    if (block->kind == NODE_RANGE)
        return run_range(s, t, at, value, out);
    if (!value_is_true(value))
        return run_nodes(s, t, block->else_at, block->end_at, out);
    return run_item(s, t, at, NULL, block->kind == NODE_WITH ? value : s->dot, out);
}

/* Of several of one name the last counts; NULL: there is none. */
static const struct node *find_template(const struct go_template *t, const char *name)
{
    const struct node *found = NULL;

    for (const struct node *n = t->nodes; n < t->nodes + t->n; n++)
        if ((n->kind == NODE_DEFINE || n->kind == NODE_BLOCK) && strcmp(n->name, name) == 0)
            found = n;
    return found;
}

/* It sees what it is given, as `.` and `$`, and no variable. */
static struct err *run_template(struct scope *s, const struct go_template *t,
                                const struct node *node, struct buf *out)
{
    const struct node *body = find_template(t, node->name);
    struct scope inner = {.a = s->a, .run = s->run};

    if (!body)
        return err_new(ERR_INVALID,
                       ":1:%zu: executing \"\" at <{{template \"%s\"}}>: template \"%s\" not "
                       "defined",
                       node->column, node->name, node->name);
    if (node->text)
        TRY(eval(s, node, &inner.dot));
    if (s->run->templates == TEMPLATE_DEPTH_MAX)
        return err_new(ERR_INVALID, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH_MAX);
    inner.root = inner.dot;
    s->run->templates++;
    TRY(run_nodes(&inner, t, (size_t)(body - t->nodes) + 1, body->end_at, out));
    s->run->templates--;
    return NULL;
}

static struct err *run_print(struct scope *s, const struct node *node, struct buf *out)
{
    const struct json *value = NULL;

    TRY(eval(s, node, &value));
    if (node->assigns && !variable_set(s, node->value, value))
        return err_new(ERR_INVALID, "undefined variable \"%s\"", node->value);
    if (node->value && !node->assigns)
        declare(s, arena_new(s->a, struct variable), node->value, value);
    if (!node->value)
        value_print(s->a, value, out);
    return NULL;
}

/* Runs the nodes of [from, to); nested at most TEMPLATE_DEPTH_MAX deep by construction, and so are
 * the templates that are called. */
static struct err *run_nodes(struct scope *s, const struct go_template *t, size_t from, size_t to,
                             struct buf *out)
{
    ASSERT(to <= t->n);
    for (size_t i = from; i < to && s->run->flow == FLOW_ON; i++) {
        const struct node *node = &t->nodes[i];

        if (++s->run->steps > STEPS_MAX)
            return err_new(ERR_TOO_LARGE, "the template runs for too long");
        switch (node->kind) {
        case NODE_TEXT:
            buf_puts(out, node->text);
            break;
        case NODE_PRINT:
            TRY(run_print(s, node, out));
            break;
        case NODE_TEMPLATE:
            TRY(run_template(s, t, node, out));
            break;
        case NODE_BLOCK:
            TRY(run_template(s, t, node, out));
            i = node->end_at;
            break;
        case NODE_DEFINE:
            i = node->end_at;
            break;
        case NODE_BREAK:
            s->run->flow = FLOW_BREAK;
            break;
        case NODE_CONTINUE:
            s->run->flow = FLOW_CONTINUE;
            break;
        case NODE_ELSE:
        case NODE_END:
            break;
        default:
            TRY(run_block(s, t, i, out));
            i = node->end_at;
        }
    }
    return NULL;
}

struct err *template_run(struct arena *a, const struct go_template *t, const struct json *root,
                         struct buf *out)
{
    struct run run = {0};
    struct scope s = {.a = a, .root = root, .dot = root, .run = &run};
    struct err *e = run_nodes(&s, t, 0, t->n, out);

    return e ? err_wrap(e, "template") : NULL;
}
