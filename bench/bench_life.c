/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a container through the API: create, start, wait, logs, remove of
 * `echo hello` on the default bridge, one after another. Prints milliseconds.
 *
 *   bench_life SOCKET IMAGE COUNT
 */
#include "api_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { P_CREATE, P_START, P_WAIT, P_LOGS, P_REMOVE, P_ALL, PHASES };
static const char *const phase_names[] = {"create", "start", "wait", "logs", "remove", "all"};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void expect(const struct answer *a, int status, const char *what)
{
    if (a->status == status)
        return;
    fprintf(stderr, "bench_life: %s answered %d: %s\n", what, a->status, a->body);
    exit(1);
}

static double ms(int64_t *since)
{
    int64_t now = now_ns();
    double took = (double)(now - *since) / 1e6;

    *since = now;
    return took;
}

static void live_once(struct client *c, const char *image, double took[PHASES])
{
    static struct answer a;
    char json[512], target[256], id[65] = "";
    int64_t begin = now_ns(), since = begin;
    const char *p;

    snprintf(json, sizeof(json), "{\"Image\":\"%s\",\"Cmd\":[\"/bin/echo\",\"hello\"]}", image);
    client_call(c, "POST", "/v1.41/containers/create", json, &a);
    expect(&a, 201, "create");
    p = strstr(a.body, "\"Id\":\"");
    if (p)
        memcpy(id, p + 6, 64);
    took[P_CREATE] = ms(&since);
    snprintf(target, sizeof(target), "/v1.41/containers/%s/start", id);
    client_call(c, "POST", target, NULL, &a);
    expect(&a, 204, "start");
    took[P_START] = ms(&since);
    snprintf(target, sizeof(target), "/v1.41/containers/%s/wait", id);
    client_call(c, "POST", target, NULL, &a);
    expect(&a, 200, "wait");
    if (!strstr(a.body, "\"StatusCode\":0"))
        expect(&(struct answer){.status = -1}, 0, a.body);
    took[P_WAIT] = ms(&since);
    snprintf(target, sizeof(target), "/v1.41/containers/%s/logs?stdout=1&stderr=1", id);
    client_call(c, "GET", target, NULL, &a);
    expect(&a, 200, "logs");
    if (a.body_len != 14 || memcmp(a.body + 8, "hello\n", 6) != 0)
        expect(&(struct answer){.status = -2}, 0, "the log is not \"hello\"");
    took[P_LOGS] = ms(&since);
    snprintf(target, sizeof(target), "/v1.41/containers/%s", id);
    client_call(c, "DELETE", target, NULL, &a);
    expect(&a, 204, "remove");
    took[P_REMOVE] = ms(&since);
    took[P_ALL] = (double)(now_ns() - begin) / 1e6;
}

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    int count = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
    double *all[PHASES];

    if (count < 1) {
        fprintf(stderr, "usage: bench_life SOCKET IMAGE COUNT\n");
        return 2;
    }
    c.path = argv[1];
    for (int k = 0; k < PHASES; k++)
        all[k] = calloc((size_t)count, sizeof(double));
    for (int i = 0; i < count; i++) {
        double took[PHASES];

        live_once(&c, argv[2], took);
        for (int k = 0; k < PHASES; k++)
            all[k][i] = took[k];
    }
    for (int k = 0; k < PHASES; k++) {
        qsort(all[k], (size_t)count, sizeof(double), by_value);
        printf("%s_p50 %.3f\n%s_p95 %.3f\n", phase_names[k], all[k][count / 2], phase_names[k],
               all[k][count * 95 / 100]);
        free(all[k]);
    }
    client_close(&c);
    return 0;
}
