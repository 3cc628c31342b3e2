/* SPDX-License-Identifier: Apache-2.0 */
#include "count.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static char text[1 << 20];

    for (int i = 1; i < argc; i++) {
        struct counts c = {0};
        FILE *f = fopen(argv[i], "r");

        if (!f) {
            perror(argv[i]);
            return 1;
        }
        count(text, fread(text, 1, sizeof(text), f), &c);
        printf("%lu %lu %lu %s\n", c.lines, c.words, c.bytes, argv[i]);
        fclose(f);
    }
    return 0;
}
