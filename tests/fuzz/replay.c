/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds each file of a corpus directory to a fuzz target, then what is likely to hurt: every
 * prefix of it and some thousand damaged copies, always the same ones. Needs no libFuzzer.
 * Trap: inputs are handed over in blocks of exactly their size, or AddressSanitizer would not
 * see a read behind the end.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20, PREFIX_MAX = 4096, DAMAGED_COPIES = 2000 };

static unsigned long n_inputs;
static size_t stride = 1; /* for a target whose inputs are dear: each n-th of them */

static void feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(1, size ? size : 1);

    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    n_inputs++;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void feed_damaged(uint8_t *copy, const uint8_t *data, size_t size, uint64_t *random)
{
    static const uint8_t nasty[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\\', '{', '[', '-', '/', ':'};
    uint64_t hits = 1 + next_random(random) % 4;

    memcpy(copy, data, size);
    while (hits--) {
        uint64_t r = next_random(random);
        size_t at = (r >> 16) % size;

        if (r & 1)
            copy[at] ^= (uint8_t)(1u << (r >> 1 & 7));
        else
            copy[at] = nasty[(r >> 1 & 0xff) % sizeof(nasty)];
    }
    feed(copy, size);
}

static void feed_variations(const uint8_t *data, size_t size)
{
    uint64_t random = 0x9e3779b97f4a7c15u ^ size;
    uint8_t *copy;

    for (size_t n = 0; n < size && n < PREFIX_MAX; n += stride)
        feed(data, n);
    copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    for (size_t i = 0; size && i < DAMAGED_COPIES; i += stride)
        feed_damaged(copy, data, size, &random);
    free(copy);
}

static int replay_file(const char *dir, const char *name)
{
    char path[4096];
    uint8_t *data = malloc(FILE_MAX);
    size_t size;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "re");
    if (!f || !data) {
        perror(path);
        free(data);
        return 1;
    }
    size = fread(data, 1, FILE_MAX, f);
    fclose(f);
    feed(data, size);
    feed_variations(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long n_files = 0;
    struct dirent *entry;
    DIR *dir;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: replay_<noun> CORPUS-DIRECTORY [STRIDE]\n");
        return 2;
    }
    if (argc == 3)
        stride = strtoul(argv[2], NULL, 10);
    feed(NULL, 0);
    dir = opendir(argv[1]);
    if (!dir) {
        perror(argv[1]);
        return 1;
    }
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay_file(argv[1], entry->d_name))
            return 1;
        n_files++;
    }
    closedir(dir);
    printf("# %lu files, %lu inputs\n", n_files, n_inputs);
    return n_files ? 0 : 1;
}
