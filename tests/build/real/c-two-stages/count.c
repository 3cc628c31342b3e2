/* SPDX-License-Identifier: Apache-2.0 */
#include "count.h"

#include <ctype.h>

void count(const char *text, unsigned long n, struct counts *out)
{
    int in_word = 0;

    for (unsigned long i = 0; i < n; i++) {
        int is_blank = isspace((unsigned char)text[i]);

        out->lines += text[i] == '\n';
        out->words += !is_blank && !in_word;
        in_word = !is_blank;
    }
    out->bytes += n;
}
