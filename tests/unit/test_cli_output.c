/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli base */
#include "test.h"

#include "columns.h"
#include "pressure.h"
#include "pretty.h"
#include "printable.h"
#include "progress_bars.h"
#include "ps_row.h"
#include "rows.h"
#include "template.h"

static const struct json *doc(const char *text)
{
    const struct json *j = NULL;

    CHECK_OK(json_parse(test_arena, text, strlen(text), &j));
    return j;
}

static const char *run(const char *format, const char *json)
{
    struct go_template *t = NULL;
    autobuf struct buf b = {0};
    struct err *e = template_parse(test_arena, format, &t);
    const char *text;

    if (!e)
        e = template_run(test_arena, t, doc(json), &b);
    text = arena_strdup(test_arena, e ? err_text(e) : b.data ? b.data : "");
    err_drop(e);
    return text;
}

static const char container[] =
    "{\"Id\":\"abc\",\"State\":{\"Running\":true,\"Pid\":7},\"Args\":[\"a\",\"b\"],"
    "\"Config\":{\"Labels\":{\"k.x\":\"v\"},\"Cmd\":null,\"Env\":[]},"
    "\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],"
    "\"81/tcp\":null}}}";

TEST(template_fields_and_functions)
{
    CHECK_STR(run("{{.Id}} {{.ID}} {{.State.Pid}} {{.State.Running}}", container),
              "abc abc 7 true");
    CHECK_STR(run("{{json .Args}} {{len .Args}} {{join .Args \",\"}}", container),
              "[\"a\",\"b\"] 2 a,b");
    CHECK_STR(run("{{upper .Id}}{{.Id | upper | lower}}{{title \"x y\"}}", container), "ABCabcX Y");
    CHECK_STR(run("{{index .Config.Labels \"k.x\"}}[{{index .Config.Labels \"no\"}}]", container),
              "v[]");
    CHECK_STR(run("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", container),
              "8080");
    CHECK_STR(run("{{printf \"%-5s|%3d|%q\" .Id .State.Pid \"z\"}}", container), "abc  |  7|\"z\"");
    CHECK_STR(run("{{println .Id}}", container), "abc\n");
    CHECK_STR(run("{{.Args}} {{.Config.Labels}} {{.NetworkSettings.Ports}}", container),
              "[a b] map[k.x:v] map[80/tcp:[{0.0.0.0 8080}] 81/tcp:[]]");
    CHECK_STR(run("{{index (split \"a:b\" \":\") 1}}", container), "b");
}

TEST(template_maps_have_no_value_for_what_is_missing)
{
    CHECK_STR(run("{{.Config.Labels.no}}", container), "<no value>");
    CHECK_STR(run("{{with .Config}}{{.Labels.no}}{{end}}", container), "<no value>");
    CHECK_STR(run("{{.State.Health}} {{.SizeRw}}", container), "<nil> <nil>");
    CHECK_STR(run("{{.Config.No}}", container),
              "template: :1:2: executing \"\" at <.No>: map has no entry for key \"No\"");
}

TEST(template_slices_and_pads)
{
    CHECK_STR(run("{{slice .Id 1}} {{slice .Id 0 2}} {{slice .Args 1 2}}", container), "bc ab [b]");
    CHECK_STR(run("{{slice .Id 0 4}}", container),
              "template: :1:2: error calling slice: index out of range: 4");
    CHECK_STR(run("{{slice .Id 2 1}}", container),
              "template: :1:2: error calling slice: invalid slice index: 2 > 1");
    CHECK_STR(run("[{{pad .Id 1 2}}][{{pad \"\" 1 2}}]", container), "[ abc  ][]");
    CHECK_STR(run("{{html \"<a>\"}} {{js \"'\"}} {{urlquery \"a b&\"}}", container),
              "&lt;a&gt; \\' a+b%26");
}

TEST(template_printf_is_gos)
{
    CHECK_STR(run("{{printf \"%x %05d %.2s|%5s|%-5s|%q\" 255 42 .Id .Id .Id .Id}}", container),
              "ff 00042 ab|  abc|abc  |\"abc\"");
    CHECK_STR(
        run("{{printf \"%x %X %o %b %c %U %+d %#x %08.3f %*d\" .Id 255 8 5 65 65 3 255 3.14159 4 "
            "7}}",
            container),
        "616263 FF 10 101 A U+0041 +3 0xff 0003.142    7");
    CHECK_STR(run("{{printf \"%d %s %z\" .Id 5 true}}", container),
              "%!d(string=abc) %!s(int=5) %!z(bool=true)");
    CHECK_STR(
        run("{{printf \"%d %d\" 5}}{{printf \"%d\" 5 6}}{{printf \"100%\"}}{{printf \"%T\" .Id}}",
            container),
        "5 %!d(MISSING)5%!(EXTRA int=6)100%!(NOVERB)string");
    CHECK_STR(run("{{printf \"%.1s\" \"\\u00e9x\"}}{{'a'}} {{0x10}} {{1_000}} {{1e3}}", container),
              "\u00e997 16 1000 1000");
}

TEST(template_jumps_and_definitions)
{
    CHECK_STR(run("{{range .Args}}{{.}}{{break}}{{end}}", container), "a");
    CHECK_STR(run("{{range .Args}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}.", container),
              "b.");
    CHECK_STR(run("{{break}}", container), "template: :1: {{break}} outside {{range}}");
    CHECK_STR(
        run("{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Id}}{{template \"x\" 5}}", container),
        "<abc><5>");
    CHECK_STR(run("{{block \"x\" .Id}}[{{.}}]{{end}}", container), "[abc]");
    CHECK_STR(
        run("{{template \"no\"}}", container),
        "template: :1:2: executing \"\" at <{{template \"no\"}}>: template \"no\" not defined");
    CHECK_STR(run("{{define \"x\"}}{{template \"x\" .}}{{end}}{{template \"x\" .}}", container),
              "template: exceeded maximum template depth (32)");
    CHECK_STR(run("{{define \"x\"}}{{template \"y\" .}}{{end}}"
                  "{{define \"y\"}}{{range .Args}}{{range $.Args}}{{end}}{{end}}{{end}}"
                  "{{template \"x\" .}}ok",
                  container),
              "ok");
    CHECK_STR(run("{{$x := 1}}{{range .Args}}{{$x = .}}{{end}}{{$x}}", container), "b");
}

TEST(template_that_runs_for_ever_is_ended)
{
    autobuf struct buf b = {0};
    autobuf struct buf list = {0};

    for (int i = 0; i < 30; i++)
        buf_puts(&list, i ? ",1" : "1");
    buf_printf(&b, "{\"L\":[%s]}", list.data);
    CHECK_STR(run("{{range .L}}{{range $.L}}{{range $.L}}{{range $.L}}{{range $.L}}{{range $.L}}"
                  "{{end}}{{end}}{{end}}{{end}}{{end}}{{end}}",
                  b.data),
              "template: the template runs for too long");
}

TEST(template_blocks)
{
    CHECK_STR(run("{{if .State.Running}}up{{else}}down{{end}}", container), "up");
    CHECK_STR(run("{{if eq .Id \"x\"}}1{{else if eq .Id \"abc\"}}2{{else}}3{{end}}!", container),
              "2!");
    CHECK_STR(run("{{if .State.Health}}h{{else}}none{{end}}", container), "none");
    CHECK_STR(run("{{range .Args}}<{{.}}>{{end}}", container), "<a><b>");
    CHECK_STR(run("{{range $i, $v := .Args}}{{$i}}={{$v}} {{end}}", container), "0=a 1=b ");
    CHECK_STR(run("{{range $p, $c := .NetworkSettings.Ports}}{{$p}} {{$.Id}} {{end}}", container),
              "80/tcp abc 81/tcp abc ");
    CHECK_STR(run("{{range .Config.Env}}x{{else}}empty{{end}}", container), "empty");
    CHECK_STR(run("{{with .State}}{{.Pid}}{{end}}", container), "7");
    CHECK_STR(run("a {{- /* gone */ -}} b", container), "ab");
    CHECK_STR(run("{{$x := .Id}}{{$x}}", container), "abc");
    CHECK_STR(run("{{if and .Id (not .Config.Cmd)}}yes{{end}}", container), "yes");
}

TEST(template_errors)
{
    CHECK_STR(run("{{.Foo}}", container), "template: :1:2: executing \"\" "
                                          "at <.Foo>: map has no entry for key \"Foo\"");
    CHECK(strstr(run("{{foo .Id}}", container), "function \"foo\" not defined"));
    CHECK(strstr(run("{{.Id", container), "unclosed action"));
    CHECK(strstr(run("{{if .Id}}", container), "unexpected EOF"));
    CHECK(strstr(run("{{end}}", container), "unexpected {{end}}"));
    CHECK(strstr(run("{{index .Args 9}}", container), "out of range"));
}

TEST(table_pads_as_tabwriter)
{
    autobuf struct buf b = {0};

    columns_align("CONTAINER ID\tIMAGE\tNAMES\nabc\tbusybox:1.36\tx\nä\t\ty\n", COLUMNS_CELL_MIN,
                  &b);
    CHECK_STR(b.data, "CONTAINER ID   IMAGE          NAMES\n"
                      "abc            busybox:1.36   x\n"
                      "ä                             y\n");
    buf_finish(&b);
    columns_align("A\tB\n", COLUMNS_CELL_MIN, &b);
    CHECK_STR(b.data, "A         B\n");
}

TEST(listing_formats)
{
    static struct pair titles[] = {{"ID", "IMAGE ID"}, {"Tag", "TAG"}, {NULL, NULL}};
    struct pairs row = {0}, labels = {0};
    struct rows l = {.table = "table {{.ID}}\t{{.Tag}}",
                     .quiet = "{{.ID}}",
                     .titles = titles,
                     .rows = &row,
                     .n = 1};
    autobuf struct buf b = {0};

    pairs_set(test_arena, &row, "ID", "1");
    pairs_set(test_arena, &row, "Tag", "v1");
    pairs_set(test_arena, &labels, "a", "b");
    rows_labels(test_arena, &row, &labels);
    CHECK_OK(rows_print(test_arena, &l, NULL, false, &b));
    CHECK_OK(rows_print(test_arena, &l, NULL, true, &b));
    CHECK_OK(rows_print(test_arena, &l, "json", false, &b));
    CHECK_OK(rows_print(test_arena, &l, "table {{.Tag}}\\t{{.ID}}", false, &b));
    CHECK_OK(rows_print(test_arena, &l, "{{.Label \"a\"}}-{{.Label \"no\"}}", false, &b));
    CHECK_STR(b.data, "IMAGE ID   TAG\n1          v1\n1\n{\"ID\":\"1\",\"Tag\":\"v1\"}\n"
                      "TAG       IMAGE ID\nv1        1\nb-\n");
    CHECK_ERR(rows_print(test_arena, &l, "{{.No}}", false, &b), ERR_INVALID);
}

TEST(ps_formats_ports)
{
    CHECK_STR(ps_ports(test_arena, doc("[]")), "");
    CHECK_STR(ps_ports(test_arena, doc("[{\"PrivatePort\":80,\"Type\":\"tcp\"},"
                                       "{\"PrivatePort\":81,\"Type\":\"tcp\"}]")),
              "80-81/tcp");
    CHECK_STR(
        ps_ports(test_arena, doc("[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":8080,"
                                 "\"Type\":\"tcp\"},{\"IP\":\"::\",\"PrivatePort\":80,"
                                 "\"PublicPort\":8080,\"Type\":\"tcp\"}]")),
        "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
    CHECK_STR(
        ps_ports(test_arena, doc("[{\"IP\":\"0.0.0.0\",\"PrivatePort\":81,\"PublicPort\":9001,"
                                 "\"Type\":\"udp\"},{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,"
                                 "\"PublicPort\":9000,\"Type\":\"udp\"}]")),
        "0.0.0.0:9000-9001->80-81/udp");
}

TEST(ps_row_truncates)
{
    struct pairs row =
        ps_row(test_arena,
               doc("{\"Id\":\"0123456789abcdef\",\"Names\":[\"/web\"],\"Image\":\"busybox\","
                   "\"ImageID\":\"sha256:aa\",\"Command\":\"/bin/sh -c 'while true; do'\","
                   "\"Created\":1,\"State\":\"running\",\"Status\":\"Up 5 seconds\","
                   "\"Labels\":{\"b\":\"2\",\"a\":\"1\"}}"),
               true);

    CHECK_STR(pairs_get(&row, "ID"), "0123456789ab");
    CHECK_STR(pairs_get(&row, "Command"), "\"/bin/sh -c 'while t…\"");
    CHECK_STR(pairs_get(&row, "Names"), "web");
    CHECK_STR(pairs_get(&row, "Labels"), "a=1,b=2");
    CHECK_STR(pairs_get(&row, "Status"), "Up 5 seconds");
}

TEST(progress_lines_without_a_terminal)
{
    static const char stream[] =
        "{\"status\":\"Pulling from bb\",\"id\":\"v1\"}\r\n"
        "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":10},"
        "\"id\":\"aa\"}\r\n{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"aa\"}\r\n"
        "{\"status\":\"Digest: sha256:1\"}\r\n";
    autobuf struct buf out = {0};
    struct progress_bars p = {.a = test_arena, .out = &out};

    for (size_t i = 0; i < strlen(stream); i++)
        CHECK_OK(progress_bars_feed(&p, stream + i, 1));
    CHECK_STR(out.data, "v1: Pulling from bb\naa: Pull complete\nDigest: sha256:1\n");
    progress_bars_finish(&p);
}

TEST(progress_draws_in_place_on_a_terminal)
{
    autobuf struct buf out = {0};
    struct progress_bars p = {.a = test_arena, .out = &out, .width = 70};
    static const char failure[] = "{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\n";
    static const char stream[] =
        "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5000,\"total\":10000},"
        "\"id\":\"aa\"}\n"
        "{\"status\":\"Waiting\",\"progressDetail\":{},\"id\":\"bb\"}\n"
        "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"aa\"}\n";

    CHECK_OK(progress_bars_feed(&p, stream, strlen(stream)));
    CHECK_STR(out.data, "\n\033[1A\033[2K\raa: Downloading [=====>     ]      5kB/10kB\r\033[1B"
                        "\n\033[1A\033[2K\rbb: Waiting \r\033[1B"
                        "\033[2A\033[2K\raa: Pull complete \r\033[2B");
    CHECK_ERR(progress_bars_feed(&p, failure, strlen(failure)), ERR_INTERNAL);
    progress_bars_finish(&p);
}

TEST(pretty_prints_as_inspect)
{
    autobuf struct buf b = {0};

    pretty_json(&b, test_arena, doc("{\"a\":[],\"b\":{},\"c\":[1,\"x\"],\"d\":null}"), 1);
    CHECK_STR(b.data,
              "{\n        \"a\": [],\n        \"b\": {},\n        \"c\": [\n            1,\n"
              "            \"x\"\n        ],\n        \"d\": null\n    }");
}

static const char *printable(const char *s, size_t n)
{
    autobuf struct buf b = {0};

    printable_add(&b, s, n);
    return arena_strdup(test_arena, b.data ? b.data : "");
}

TEST(a_terminal_obeys_nothing_that_is_printed)
{
    static const char zeroes[] = "a\0b";

    CHECK_STR(printable("", 0), "");
    CHECK_STR(printable("plain\ttext\n", 11), "plain\ttext\n");
    CHECK_STR(printable("\x1b]0;t\x07\r", 7), "\\u001b]0;t\\u0007\\u000d");
    CHECK_STR(printable(zeroes, 3), "a\\u0000b");
    CHECK_STR(printable("\x7f\xc2\x9b", 3), "\\u007f\\u009b");
    CHECK_STR(printable("\xff\xc3", 2), "\\xff\\xc3");
    CHECK_STR(printable("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8", 9), "\\u202e\\u2066\\u2028");
    CHECK_STR(printable("\xf3\xa0\x81\x81", 4), "\\udb40\\udc41");
    /* Letters of any script, and what joins them. */
    CHECK_STR(printable("\xc3\xa4\xd7\x90\xe2\x80\x8d\xf0\x9f\x98\x80", 11),
              "\xc3\xa4\xd7\x90\xe2\x80\x8d\xf0\x9f\x98\x80");
}

static const char *pressures_of(const char *stats)
{
    struct pairs row = {0};

    pressure_fields(test_arena, &row, doc(stats));
    return arena_printf(test_arena, "%s %s %s %s", pairs_get(&row, "CPUPressure"),
                        pairs_get(&row, "MemoryPressure"), pairs_get(&row, "IOPressure"),
                        pressure_is_missing(doc(stats)) ? "missing" : "told");
}

TEST(pressure_columns)
{
    CHECK_STR(pressures_of("{\"memory_stats\":{\"usage\":1},\"pressure_stats\":{"
                           "\"cpu\":{\"some\":{\"avg10\":12.345,\"total\":1}},"
                           "\"memory\":{\"some\":{\"avg10\":0}},"
                           "\"io\":{\"some\":{\"avg10\":100}}}}"),
              "12.35% 0.00% 100.00% told");
    CHECK_STR(pressures_of("{\"memory_stats\":{\"usage\":1},\"pressure_stats\":{"
                           "\"cpu\":{\"some\":{\"avg10\":\"x\"}}}}"),
              "-- -- -- told");
    CHECK_STR(pressures_of("{\"memory_stats\":{\"usage\":1}}"), "-- -- -- missing");
    CHECK_STR(pressures_of("{\"memory_stats\":{}}"), "-- -- -- told"); /* it does not run */
}
