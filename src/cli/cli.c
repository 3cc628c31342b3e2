/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From argv to a command: global flags, the table of commands, help, and how errors end.
 * Texts and exit codes are Docker's (28): scripts compare them.
 */
#include "cli.h"

#include "base/fd.h"
#include "base/suggest.h"

#include "config_defaults.h"
#include "context.h"
#include "http.h"
#include "printable.h"
#include "tty.h"
#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "unix:///run/berth/berth.sock"

static const struct flag globals[] = {
    FLAG(FLAG_TEXT, struct global_options, config, "config", 0, "string",
         "Location of client config files (default \"~/.docker\")"),
    FLAG(FLAG_TEXT, struct global_options, context, "context", 'c', "string",
         "Name of the context to use to connect to the\n"
         "engine (overrides BERTH_HOST and DOCKER_HOST\n"
         "and the one set with \"berth context use\")"),
    FLAG(FLAG_BOOL, struct global_options, debug, "debug", 'D', NULL, "Enable debug mode"),
    FLAG(FLAG_LIST, struct global_options, hosts, "host", 'H', "list",
         "Daemon socket to connect to (default \"" DEFAULT_HOST "\")"),
    FLAG(FLAG_TEXT, struct global_options, log_level, "log-level", 'l', "string",
         "Accepted and ignored"),
    FLAG(FLAG_BOOL, struct global_options, tls, "tls", 0, NULL, "", .bits = FLAG_HIDDEN),
    FLAG(FLAG_TEXT, struct global_options, tls_ca, "tlscacert", 0, "string", "",
         .bits = FLAG_HIDDEN),
    FLAG(FLAG_TEXT, struct global_options, tls_cert, "tlscert", 0, "string", "",
         .bits = FLAG_HIDDEN),
    FLAG(FLAG_TEXT, struct global_options, tls_key, "tlskey", 0, "string", "", .bits = FLAG_HIDDEN),
    FLAG(FLAG_BOOL, struct global_options, tls_verify, "tlsverify", 0, NULL, "",
         .bits = FLAG_HIDDEN),
    FLAG(FLAG_BOOL, struct global_options, version, "version", 'v', NULL,
         "Print version information and quit"),
    FLAG_END,
};

const struct flag *cli_global_flags(void)
{
    return globals;
}

void cli_print_raw(const char *text, size_t len)
{
    struct err *e = fd_write_all(STDOUT_FILENO, text, len);

    if (e && err_errno(e) != EPIPE)
        cli_say("%s\n", err_text(e));
    if (e) {
        err_drop(e);
        exit(1);
    }
}

void cli_print(const char *text, size_t len)
{
    autobuf struct buf b = {0};

    if (!isatty(STDOUT_FILENO)) {
        cli_print_raw(text, len);
        return;
    }
    printable_add(&b, text, len);
    cli_print_raw(b.data ? b.data : "", b.len);
}

void cli_say(const char *fmt, ...)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf b = {0};
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    if (isatty(STDERR_FILENO))
        printable_add(&b, text, strlen(text));
    else
        buf_puts(&b, text);
    err_drop(fd_write_all(STDERR_FILENO, b.data ? b.data : "", b.len)); /* nobody is left to tell */
}

void cli_printf(const char *fmt, ...)
{
    autoarena struct arena *a = arena_create();
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    cli_print(text, strlen(text));
}

/* A value that the flag itself refuses, wherever it was parsed: no prefix, exit code 125. */
static bool is_flag_error(const struct err *e)
{
    return text_starts(err_text(e), "invalid argument \"");
}

/* What is wrong with the words of a command line, how it is called, and where more is said. */
static void complain_usage(const struct command *c, const struct err *e)
{
    cli_say("%s\n\nUsage:  berth %s\n\nRun 'berth %s --help' for more information\n", err_text(e),
            c->usage, c->name);
}

void cli_report(const struct cli *cli, struct err *e, bool with_help)
{
    if (is_flag_error(e))
        complain_usage(cli->command, e);
    else
        cli_say("berth: %s\n", err_text(e));
    if (with_help && !is_flag_error(e))
        cli_say("\nRun 'berth %s --help' for more information\n", cli->command->name);
    err_drop(e);
}

void cli_complain(struct cli *cli, struct err *e)
{
    cli_say("%s\n", err_text(e));
    cli->exit_code = 1;
    err_drop(e);
}

bool cli_confirm(const char *text)
{
    char line[16];

    cli_say("%s [y/N] ", text);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* Of the chosen context; a command about contexts does without one that works. */
static struct err *choose_host(struct cli *cli, const struct global_options *o, bool is_of_contexts)
{
    const char *of_environment = context_host_of_environment();
    struct context c;
    struct err *e;

    cli->host = o->hosts.n ? o->hosts.v[0] : of_environment ? of_environment : DEFAULT_HOST;
    TRY(context_choose(cli, o, &cli->context));
    if (is_of_contexts || !strcmp(cli->context, CONTEXT_DEFAULT))
        return is_of_contexts ? NULL : context_check_host(cli->host);
    TRY(context_find(cli, cli->context, &c));
    cli->host = c.host;
    e = context_check_host(c.host);
    return e ? err_wrap(e, "context \"%s\"", c.name) : NULL;
}

/* Without HOME, that of the user, as docker does it; "" where nobody knows. */
static const char *home_of_user(void)
{
    const char *home = getenv("HOME");
    const struct passwd *p = text_is_empty(home) ? getpwuid(geteuid()) : NULL;

    return p && p->pw_dir ? p->pw_dir : home ? home : "";
}

static struct err *set_up(struct cli *cli, const struct global_options *o, bool is_of_contexts)
{
    const char *config = o->config ? o->config : getenv("DOCKER_CONFIG");

    if (o->hosts.n > 1)
        return err_new(ERR_INVALID, "Please specify only one -H");
    if (o->tls || o->tls_verify || o->tls_ca || o->tls_cert || o->tls_key)
        return err_new(ERR_INVALID,
                       "berth talks to its engine over a Unix socket only: there is no "
                       "TLS to set up");
    cli->config_dir = text_is_empty(config) ? arena_printf(cli->arena, "%s/.docker", home_of_user())
                                            : arena_strdup(cli->arena, config);
    TRY(choose_host(cli, o, is_of_contexts));
    cli->socket_path = text_starts(cli->host, "unix://") ? cli->host + strlen("unix://") : "";
    return NULL;
}

/* "network ls" takes two words of args, "run" one. */
static const struct command *find_command(const struct strs *args, size_t *out_words)
{
    for (const struct command *c = commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        size_t len = space ? (size_t)(space - c->name) : strlen(c->name);

        if (strlen(args->v[0]) != len || strncmp(c->name, args->v[0], len) != 0)
            continue;
        if (space && (args->n < 2 || strcmp(space + 1, args->v[1]) != 0))
            continue;
        *out_words = space ? 2 : 1;
        return c;
    }
    return NULL;
}

static struct err *check_count(const struct command *c, size_t n)
{
    const char *rule;
    int wanted;

    if ((int)n >= c->min_args && (c->max_args < 0 || (int)n <= c->max_args))
        return NULL;
    wanted = (int)n < c->min_args ? c->min_args : c->max_args;
    if (c->max_args == 0)
        return err_new(ERR_INVALID, "'berth %s' accepts no arguments", c->name);
    if (c->min_args > 0 && c->max_args > c->min_args)
        return err_new(ERR_INVALID, "'berth %s' requires at least %d and at most %d arguments",
                       c->name, c->min_args, c->max_args);
    rule = c->min_args == c->max_args ? "" : wanted == c->min_args ? "at least " : "at most ";
    return err_new(ERR_INVALID, "'berth %s' requires %s%d argument%s", c->name, rule, wanted,
                   wanted == 1 ? "" : "s");
}

/* Docker's exit code for anything wrong with flags is 125, for the number of arguments 1. */
static int run_command(struct cli *cli, const struct command *c, char **argv, size_t n)
{
    struct flag_parse p = {.flags = c->flags, .options_first = c->options_first};
    struct err *e;

    cli->command = c;
    if (c->why_not) {
        cli_say("berth %s is not supported: %s.\n", c->name, c->why_not);
        return 1;
    }
    p.options = arena_alloc(cli->arena, c->options_size ? c->options_size : 1);
    e = flags_parse(cli->arena, &p, argv, n);
    if (e) {
        complain_usage(c, e);
        err_drop(e);
        return 125;
    }
    if (p.wants_help) {
        usage_command(c);
        return 0;
    }
    if (!c->run) {
        cli_say("berth %s is not implemented by this version of berth.\n", c->name);
        return 1;
    }
    e = check_count(c, p.args.n);
    if (e) {
        cli_say("berth: %s\n\nUsage:  berth %s\n\n%s 'berth %s --help' for more information\n",
                err_text(e), c->usage, c->max_args < 0 ? "See" : "Run", c->name);
        err_drop(e);
        return 1;
    }
    config_defaults(cli, c->run, c->flags, p.options);
    e = c->run(cli, p.options, p.args);
    if (e && is_flag_error(e)) {
        complain_usage(c, e);
        err_drop(e);
        return 125;
    }
    if (e) {
        cli_say("%s\n", err_text(e));
        err_drop(e);
        return cli->exit_code ? cli->exit_code : 1;
    }
    return cli->exit_code;
}

/* " (did you mean run?)" of the commands of a group, or of all words that may come first. */
static const char *nearest_command(struct arena *a, const char *group, const char *word)
{
    struct strs words = {0};
    const char *best;

    for (const struct command *c = commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        size_t len = space ? (size_t)(space - c->name) : strlen(c->name);
        char *first = arena_strndup(a, c->name, len);

        if (!group && !strs_has(&words, first))
            strs_add(a, &words, first);
        if (group && space && strcmp(first, group) == 0)
            strs_add(a, &words, space + 1);
    }
    best = strlen(word) < 3 ? NULL : suggest(a, word, (const char *const *)words.v, words.n, true);
    if (!best)
        return "";
    return arena_printf(a, "\n\nDid you mean this?\n\tberth %s%s%s", group ? group : "",
                        group ? " " : "", best);
}

/* "network" alone shows its commands, "network --help" too; anything else is no command. */
static int complain_command(struct arena *a, const struct strs *args)
{
    const char *second = args->n > 1 ? args->v[1] : NULL;

    if (!usage_is_group(args->v[0])) {
        cli_say("berth: unknown command: berth %s%s\n\nRun 'berth --help' for more information\n",
                args->v[0], nearest_command(a, NULL, args->v[0]));
        return 1;
    }
    if (second && strcmp(second, "--help") != 0 && strcmp(second, "-h") != 0) {
        cli_say("berth: unknown command: berth %s %s%s\n\nUsage:  berth %s\n\n"
                "Run 'berth %s --help' for more information\n",
                args->v[0], second, nearest_command(a, args->v[0], second), args->v[0], args->v[0]);
        return 1;
    }
    usage_group(args->v[0], second ? STDOUT_FILENO : STDERR_FILENO);
    return 0;
}

static int dispatch(struct cli *cli, struct flag_parse *p)
{
    const struct global_options *o = p->options;
    size_t words = 0;
    const struct command *c;
    struct err *e;

    if (o->version) {
        cli_printf("Berth version %s\n", BERTH_VERSION);
        return 0;
    }
    if (!p->args.n || (strcmp(p->args.v[0], "help") == 0 && p->args.n == 1)) {
        usage_program();
        return 0;
    }
    if (strcmp(p->args.v[0], "help") == 0) {
        struct strs asked = {0};

        for (size_t i = 1; i < p->args.n; i++)
            strs_add(cli->arena, &asked, p->args.v[i]);
        strs_add(cli->arena, &asked, "--help");
        p->args = asked;
    }
    c = find_command(&p->args, &words);
    if (!c)
        return complain_command(cli->arena, &p->args);
    e = set_up(cli, o, text_starts(c->name, "context "));
    if (e) {
        cli_say("%s\n", err_text(e));
        err_drop(e);
        return 1;
    }
    return run_command(cli, c, p->args.v + words, p->args.n - words);
}

/* Else a socket to the engine would be our stdin or stdout. */
static void open_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int cli_main(int argc, char **argv)
{
    struct global_options options = {0};
    struct flag_parse p = {.flags = globals, .options = &options, .options_first = true};
    struct cli cli = {.arena = arena_create()};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct err *e;
    int code;

    open_standard_fds();
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the widths of characters alone */
    sigaction(SIGPIPE, &ignore, NULL);
    e = flags_parse(cli.arena, &p, argv + 1, argc > 0 ? (size_t)argc - 1 : 0);
    if (e) {
        cli_say("%s\n\nUsage:  berth [OPTIONS] COMMAND [ARG...]\n\n"
                "Run 'berth --help' for more information\n",
                err_text(e));
        err_drop(e);
        code = 125;
    } else if (p.wants_help) {
        usage_program();
        code = 0;
    } else {
        code = dispatch(&cli, &p);
    }
    tty_restore();
    http_conn_close(cli.conn);
    arena_destroy(cli.arena);
    return code;
}
