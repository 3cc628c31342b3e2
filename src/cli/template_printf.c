/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printf of templates as Go's fmt: what does not fit is told of in the output, "%!d(string=x)".
 * JSON has one kind of number: a whole one is an int. Pure.
 */
#include "template_inner.h"

#include <string.h>

#define WIDTH_MAX 10000

struct spec {
    bool minus, plus, sharp, space, zero;
    bool has_precision;
    int width, precision;
    char verb;
};

static bool is_whole(const struct json *j)
{
    double d = json_num(j);

    return json_type(j) == JSON_NUMBER && d > -9e18 && d < 9e18 && (double)(int64_t)d == d;
}

static const char *type_name(const struct json *j)
{
    switch (json_type(j)) {
    case JSON_STRING:
        return "string";
    case JSON_BOOL:
        return "bool";
    case JSON_NUMBER:
        return is_whole(j) ? "int" : "float64";
    case JSON_ARRAY:
        return "[]interface {}";
    case JSON_OBJECT:
        return "map[string]interface {}";
    default:
        return "<nil>";
    }
}

/* "int=5", or "<nil>". */
static void put_typed(struct arena *a, const struct json *j, struct buf *out)
{
    buf_puts(out, type_name(j));
    if (json_type(j) == JSON_NULL)
        return;
    buf_putc(out, '=');
    value_print(a, j, out);
}

/* ---- padding ---- */

static size_t count_runes(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static void put_padded(const struct spec *f, const char *text, struct buf *out)
{
    int pad = f->width - (int)count_runes(text);
    bool zeros = f->zero && !f->minus;

    if (zeros && pad > 0 && (*text == '-' || *text == '+'))
        buf_putc(out, *text++);
    for (int i = 0; i < pad && !f->minus; i++)
        buf_putc(out, zeros ? '0' : ' ');
    buf_puts(out, text);
    for (int i = 0; i < pad && f->minus; i++)
        buf_putc(out, ' ');
}

/* ---- the types ---- */

static const char *cut_runes(struct arena *a, const char *s, int n)
{
    const char *end = s;

    while (*end && n-- > 0)
        for (end++; (*end & 0xc0) == 0x80; end++)
            ;
    return arena_strndup(a, s, (size_t)(end - s));
}

static char *hex_of(struct arena *a, const char *s, bool is_upper)
{
    autobuf struct buf b = {0};

    for (; *s; s++)
        buf_printf(&b, is_upper ? "%02X" : "%02x", (unsigned char)*s);
    return arena_strndup(a, b.data ? b.data : "", b.len);
}

static char *quoted_text(struct arena *a, const char *s)
{
    autobuf struct buf b = {0};

    json_quote(&b, s, strlen(s));
    return arena_strndup(a, b.data, b.len);
}

/* NULL: the verb is none for a string. */
static const char *of_string(struct arena *a, const struct spec *f, const char *s)
{
    const char *cut = f->has_precision ? cut_runes(a, s, f->precision) : s;

    switch (f->verb) {
    case 's':
    case 'v':
        return f->sharp && f->verb == 'v' ? quoted_text(a, cut) : cut;
    case 'q':
        return quoted_text(a, cut);
    case 'x':
    case 'X':
        return hex_of(a, cut, f->verb == 'X');
    default:
        return NULL;
    }
}

static char *in_base(struct arena *a, uint64_t n, unsigned base, const char *digits)
{
    char text[66], *at = text + sizeof(text) - 1;

    *at = '\0';
    do
        *--at = digits[n % base];
    while ((n /= base) > 0);
    return arena_strdup(a, at);
}

static char *rune_of(struct arena *a, int64_t n)
{
    const struct json *j = NULL;
    const char *json = n < 0 || n > 0x10ffff || (n >= 0xd800 && n < 0xe000) ? "\"\\ufffd\"" : NULL;

    if (!json && n > 0xffff)
        json = arena_printf(a, "\"\\u%04x\\u%04x\"", (unsigned)(0xd800 + ((n - 0x10000) >> 10)),
                            (unsigned)(0xdc00 + ((n - 0x10000) & 0x3ff)));
    else if (!json)
        json = arena_printf(a, "\"\\u%04x\"", (unsigned)n);
    err_drop(json_parse(a, json, strlen(json), &j));
    return arena_strdup(a, json_str(j) ? json_str(j) : "");
}

static const char *of_int(struct arena *a, const struct spec *f, int64_t n)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    static const struct {
        char verb;
        unsigned base;
        const char *digits, *sharp;
    } bases[] = {{'d', 10, lower, ""},  {'v', 10, lower, ""},  {'b', 2, lower, "0b"},
                 {'o', 8, lower, "0"},  {'O', 8, lower, "0o"}, {'x', 16, lower, "0x"},
                 {'X', 16, upper, "0X"}};
    uint64_t size = n < 0 ? -(uint64_t)n : (uint64_t)n;

    if (f->verb == 'c')
        return rune_of(a, n);
    if (f->verb == 'q')
        return arena_printf(a, "'%s'", rune_of(a, n));
    if (f->verb == 'U')
        return arena_printf(a, "U+%04llX", (unsigned long long)n);
    for (size_t i = 0; i < ARRAY_LEN(bases); i++)
        if (bases[i].verb == f->verb)
            return arena_printf(a, "%s%s%s",
                                n < 0      ? "-"
                                : f->plus  ? "+"
                                : f->space ? " "
                                           : "",
                                f->sharp || f->verb == 'O' ? bases[i].sharp : "",
                                in_base(a, size, bases[i].base, bases[i].digits));
    return NULL;
}

static const char *of_float(struct arena *a, const struct spec *f, double d)
{
    int precision = f->has_precision ? f->precision : 6;

    switch (f->verb) {
    case 'f':
    case 'F':
        return arena_printf(a, f->plus ? "%+.*f" : "%.*f", precision, d);
    case 'e':
        return arena_printf(a, f->plus ? "%+.*e" : "%.*e", precision, d);
    case 'E':
        return arena_printf(a, f->plus ? "%+.*E" : "%.*E", precision, d);
    case 'g':
    case 'v':
        return arena_printf(a, "%.*g", f->has_precision ? precision : 15, d);
    default:
        return NULL;
    }
}

/* NULL: the verb is none for a value of this type. */
static const char *of_value(struct arena *a, const struct spec *f, const struct json *j)
{
    if (f->verb == 'T')
        return type_name(j);
    switch (json_type(j)) {
    case JSON_STRING:
        return of_string(a, f, json_str(j));
    case JSON_BOOL:
        return f->verb == 't' || f->verb == 'v' ? value_text(a, j) : NULL;
    case JSON_NUMBER:
        return is_whole(j) ? of_int(a, f, json_int(j)) : of_float(a, f, json_num(j));
    case JSON_NULL:
        return f->verb == 'v' ? "<nil>" : NULL;
    default:
        return value_text(a, j);
    }
}

/* ---- the format ---- */

struct printing {
    struct arena *a;
    const struct args *args;
    size_t next;
    struct buf *out;
};

/* Digits, or '*': the next argument. */
static bool take_number(struct printing *p, const char **at, int *out)
{
    int64_t n = 0;

    if (**at == '*') {
        n = p->next < p->args->n ? json_int(p->args->v[p->next++]) : 0;
        (*at)++;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++)
        n = n > WIDTH_MAX ? n : n * 10 + (**at - '0');
    *out = n < 0 ? (int)(n < -WIDTH_MAX ? 0 : -n) : (int)(n > WIDTH_MAX ? 0 : n);
    return n < 0;
}

static struct spec take_spec(struct printing *p, const char **at)
{
    struct spec f = {0};

    for (; **at && strchr("-+# 0", **at); (*at)++) {
        f.minus |= **at == '-';
        f.plus |= **at == '+';
        f.sharp |= **at == '#';
        f.space |= **at == ' ';
        f.zero |= **at == '0';
    }
    f.minus |= take_number(p, at, &f.width);
    if (**at == '.') {
        (*at)++;
        f.has_precision = true;
        take_number(p, at, &f.precision);
    }
    f.verb = **at;
    return f;
}

static void put_verb(struct printing *p, const struct spec *f)
{
    const struct json *j;
    const char *text;

    if (p->next >= p->args->n) {
        buf_printf(p->out, "%%!%c(MISSING)", f->verb);
        return;
    }
    j = p->args->v[p->next++];
    text = of_value(p->a, f, j);
    if (text) {
        put_padded(f, text, p->out);
        return;
    }
    buf_printf(p->out, "%%!%c(", f->verb);
    put_typed(p->a, j, p->out);
    buf_putc(p->out, ')');
}

static void put_extra(struct printing *p)
{
    const char *sep = "";

    if (p->next >= p->args->n)
        return;
    buf_puts(p->out, "%!(EXTRA ");
    for (; p->next < p->args->n; p->next++, sep = ", ") {
        buf_puts(p->out, sep);
        put_typed(p->a, p->args->v[p->next], p->out);
    }
    buf_putc(p->out, ')');
}

struct err *call_printf(struct arena *a, const struct args *args, const struct json **out)
{
    const char *at = json_str(args->v[0]);
    autobuf struct buf b = {0};
    struct printing p = {.a = a, .args = args, .next = 1, .out = &b};

    if (!at)
        return err_new(ERR_INVALID, "error calling printf: the format is no text");
    for (; *at; at++) {
        struct spec f;

        if (*at != '%') {
            buf_putc(&b, *at);
            continue;
        }
        at++;
        f = take_spec(&p, &at);
        if (!f.verb) {
            buf_puts(&b, "%!(NOVERB)");
            break;
        }
        if (f.verb == '%')
            buf_putc(&b, '%');
        else
            put_verb(&p, &f);
    }
    put_extra(&p);
    *out = value_of_text(a, b.data ? b.data : "");
    return NULL;
}
