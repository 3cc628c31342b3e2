/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli base */
#include "test.h"

#include "base/flags.h"

#include "run_options.h"

struct options {
    bool all, quiet, on;
    char *name;
    struct strs labels;
    struct number last, memory, swap, cpus, wait;
};

static const struct flag flags[] = {
    FLAG(FLAG_BOOL, struct options, all, "all", 'a', NULL, "Show all"),
    FLAG(FLAG_BOOL, struct options, quiet, "quiet", 'q', NULL, "Be quiet"),
    FLAG(FLAG_BOOL, struct options, on, "on", 0, NULL, "Is on", .is_on = true),
    FLAG(FLAG_TEXT, struct options, name, "name", 0, "string", "Name"),
    FLAG(FLAG_LIST, struct options, labels, "label", 'l', "list", "Labels"),
    FLAG(FLAG_NUMBER, struct options, last, "last", 'n', "int", "Last"),
    FLAG(FLAG_BYTES, struct options, memory, "memory", 'm', "bytes", "Memory"),
    FLAG(FLAG_SWAP, struct options, swap, "memory-swap", 0, "bytes", "Swap"),
    FLAG(FLAG_CPUS, struct options, cpus, "cpus", 0, "decimal", "CPUs"),
    FLAG(FLAG_DURATION, struct options, wait, "wait", 0, "duration", "Wait"),
    FLAG_END,
};

static struct err *parse(const char *line, bool options_first, struct options *o,
                         struct flag_parse *p)
{
    struct strs words = text_split(test_arena, line, ' ');

    *o = (struct options){0};
    *p = (struct flag_parse){.flags = flags, .options = o, .options_first = options_first};
    return flags_parse(test_arena, p, words.v, words.n);
}

static void check_refused(const char *line, const char *sentence)
{
    struct options o;
    struct flag_parse p;
    struct err *e = parse(line, false, &o, &p);

    CHECK(e);
    CHECK_STR(err_text(e), sentence);
    err_drop(e);
}

TEST(flags_take_all_spellings)
{
    struct options o;
    struct flag_parse p;

    CHECK_OK(parse("-aq --name=x -n5 -l a=b -lc=d --label e -m=64m img", false, &o, &p));
    CHECK(o.all && o.quiet && o.on);
    CHECK_STR(o.name, "x");
    CHECK_INT(o.last.value, 5);
    CHECK_INT(o.labels.n, 3);
    CHECK_STR(o.labels.v[1], "c=d");
    CHECK_INT(o.memory.value, 64 << 20);
    CHECK_INT(p.args.n, 1);
    CHECK_OK(parse("--on=false --memory-swap -1 --cpus 1.5 --wait 1m30s", false, &o, &p));
    CHECK(!o.on);
    CHECK_INT(o.swap.value, -1);
    CHECK_INT(o.cpus.value, 1500000000);
    CHECK_INT(o.wait.value, 90000000000);
    CHECK_OK(parse("--cpus .5", false, &o, &p));
    CHECK_INT(o.cpus.value, 500000000);
}

TEST(flags_stop_at_the_command_of_run)
{
    struct options o;
    struct flag_parse p;

    CHECK_OK(parse("-a img -q --nosuch", true, &o, &p));
    CHECK(o.all && !o.quiet);
    CHECK_INT(p.args.n, 3);
    CHECK_OK(parse("img -q -- -a", false, &o, &p));
    CHECK(o.quiet && !o.all);
    CHECK_STR(p.args.v[1], "-a");
    CHECK_OK(parse("img --help", false, &o, &p));
    CHECK(p.wants_help);
}

TEST(flags_refuse_with_pflags_sentences)
{
    check_refused("--nosuch", "unknown flag: --nosuch");
    check_refused("--nosuch=1", "unknown flag: --nosuch");
    check_refused("-xyz", "unknown shorthand flag: 'x' in -xyz");
    check_refused("-ax", "unknown shorthand flag: 'x' in -ax");
    check_refused("--name", "flag needs an argument: --name");
    check_refused("-l", "flag needs an argument: 'l' in -l");
    check_refused("-m 1x", "invalid argument \"1x\" for \"-m, --memory\" flag: invalid size: '1x'");
    check_refused("-n x", "invalid argument \"x\" for \"-n, --last\" flag: strconv.ParseInt: "
                          "parsing \"x\": invalid syntax");
    check_refused("--cpus x",
                  "invalid argument \"x\" for \"--cpus\" flag: failed to parse x as a rational "
                  "number");
    check_refused("--all=maybe", "invalid argument \"maybe\" for \"-a, --all\" flag: "
                                 "strconv.ParseBool: parsing \"maybe\": invalid syntax");
}

TEST(flags_help_aligns_and_wraps)
{
    static const struct flag two[] = {
        FLAG(FLAG_BOOL, struct options, all, "all", 'a', NULL, "Show all"),
        FLAG(FLAG_TEXT, struct options, name, "name", 0, "string",
             "A long text that does not fit on a line"),
        FLAG_END,
    };
    autobuf struct buf b = {0};

    flags_help(&b, two, 45);
    CHECK_STR(b.data, "  -a, --all           Show all\n"
                      "      --name string   A long text that\n"
                      "                      does not fit on a line\n");
}

TEST(run_streams_follow_a_d_and_i)
{
    struct run_options o = {.interactive = true};
    struct run_streams s;

    CHECK_OK(run_streams(&o, &s));
    CHECK(s.in && s.out && s.err);
    o.detach = true;
    CHECK_OK(run_streams(&o, &s));
    CHECK(!s.in && !s.out && !s.err);
    o.detach = false;
    strs_add(test_arena, &o.attach, "STDIN");
    CHECK_OK(run_streams(&o, &s));
    CHECK(s.in && !s.out && !s.err);
    strs_add(test_arena, &o.attach, "foo");
    CHECK_ERR(run_streams(&o, &s), ERR_INVALID);
}
