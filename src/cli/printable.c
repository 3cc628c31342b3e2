/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, labels, command lines and messages come from images, containers and registries, and a
 * terminal obeys what it prints: titles, colours, the clipboard, an answer typed for the user. So
 * whatever the command line prints to a terminal passes here (cli_print, cli_say, the bars); the
 * streams of attach, logs, exec and run do not, they are the user's own.
 *
 * What a newcomer would get wrong: C1 controls come as two bytes of UTF-8 too (U+009B begins a
 * sequence as ESC [ does), and marks of direction make a name look like another one.
 */
#include "printable.h"

#include "base/utf8.h"

static bool is_obeyed(uint32_t rune)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x08},     {0x0b, 0x1f},       {0x7f, 0x9f}, /* C0 but tab and newline, DEL, C1 */
        {0x061c, 0x061c}, {0x200e, 0x200f},                 /* marks of direction */
        {0x2028, 0x202e}, {0x2066, 0x2069},                 /* line ends, embeddings, isolates */
        {0xfff9, 0xfffb}, {0xe0000, 0xe007f},               /* annotations, tags: not to be seen */
    };

    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (rune >= ranges[i].first && rune <= ranges[i].last)
            return true;
    return false;
}

static void add_spelled(struct buf *out, uint32_t rune)
{
    if (rune > 0xffff) /* as JSON writes it */
        buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((rune - 0x10000) >> 10),
                   0xdc00 + ((rune - 0x10000) & 0x3ff));
    else
        buf_printf(out, "\\u%04x", rune);
}

void printable_add(struct buf *out, const char *s, size_t n)
{
    size_t i = 0;

    while (i < n) {
        size_t len = utf8_length(s + i, n - i);
        uint32_t rune = len ? utf8_value(s + i, len) : 0;

        if (!len)
            buf_printf(out, "\\x%02x", (unsigned char)s[i]);
        else if (is_obeyed(rune))
            add_spelled(out, rune);
        else
            buf_add(out, s + i, len);
        i += len ? len : 1;
    }
}
