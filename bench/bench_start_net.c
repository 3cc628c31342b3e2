/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a network costs a start: containers of `none` and of each network named, in turn, so that
 * whatever else the machine does meets them alike. Medians of start alone; "name us" lines.
 *
 *   bench_start_net SOCK IMAGE COUNT NETWORK…
 */
#include "api_client.h"

#include <stdio.h>
#include <stdlib.h>

#define NETWORKS_MAX 8

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t start_one(struct client *c, const char *image, const char *network, unsigned i)
{
    static struct answer a;
    char body[512], path[128];
    int64_t begun;

    snprintf(
        body, sizeof(body),
        "{\"Image\":\"%s\",\"Cmd\":[\"sleep\",\"1000\"],\"HostConfig\":{\"NetworkMode\":\"%s\"}}",
        image, network);
    snprintf(path, sizeof(path), "/containers/create?name=start-%u", i);
    client_call(c, "POST", path, body, &a);
    snprintf(path, sizeof(path), "/containers/start-%u/start", i);
    begun = now_ns();
    client_call(c, "POST", path, NULL, &a);
    begun = now_ns() - begun;
    if (a.status != 204) {
        fprintf(stderr, "bench: start: %d %s\n", a.status, a.body);
        exit(1);
    }
    snprintf(path, sizeof(path), "/containers/start-%u?force=1", i);
    client_call(c, "DELETE", path, NULL, &a);
    return begun / 1000;
}

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    unsigned count = argc > 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    int n = argc - 4;
    int64_t *us[NETWORKS_MAX];

    if (!count || n > NETWORKS_MAX)
        return 2;
    c.path = argv[1];
    for (int k = 0; k < n; k++)
        us[k] = calloc(count, sizeof(int64_t));
    for (unsigned i = 0; i < count; i++)
        for (int k = 0; k < n; k++)
            us[k][i] = start_one(&c, argv[2], argv[4 + k], i * (unsigned)n + (unsigned)k);
    for (int k = 0; k < n; k++) {
        qsort(us[k], count, sizeof(int64_t), compare);
        printf("%s_p50_us %lld\n%s_p90_us %lld\n", argv[4 + k], (long long)us[k][count / 2],
               argv[4 + k], (long long)us[k][count * 9 / 10]);
    }
    client_close(&c);
    return 0;
}
