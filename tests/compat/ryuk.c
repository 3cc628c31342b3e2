/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reaper of testcontainers, as small as its protocol: a client on port 8080 says lines
 * "label=KEY=VALUE", each is answered "ACK". When the last client is gone, all containers, networks
 * and volumes with these labels are removed, by the engine's socket. Static, for an image of one
 * file.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 16
#define LABELS 16
#define LABEL_MAX 256
#define ANSWER_MAX (1 << 20)

static char labels[LABELS][LABEL_MAX], answer[ANSWER_MAX];
static int n_labels;

/* HTTP/1.0: the answer ends with the connection. */
static void ask(const char *method, const char *path)
{
    struct sockaddr_un engine = {.sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t n;

    answer[0] = '\0';
    if (fd < 0 || connect(fd, (void *)&engine, sizeof(engine)) != 0) {
        perror("connect to the engine");
        exit(1);
    }
    dprintf(fd, "%s %s HTTP/1.0\r\n\r\n", method, path);
    while ((n = read(fd, answer + len, ANSWER_MAX - 1 - len)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
}

/* Each `key` of the list at `path` goes by DELETE `prefix` VALUE `suffix`, but not we ourselves: we
 * have the label, too. */
static void remove_all(const char *path, const char *key, const char *prefix, const char *suffix)
{
    static char list[ANSWER_MAX];
    char mark[32], one[1024], own[64] = "";

    gethostname(own, sizeof(own) - 1); /* the short id */
    ask("GET", path);
    memcpy(list, answer, sizeof(list));
    snprintf(mark, sizeof(mark), "\"%s\":\"", key);
    for (char *p = list; (p = strstr(p, mark));) {
        p += strlen(mark);
        if (strncmp(p, own, strlen(own)) == 0)
            continue;
        snprintf(one, sizeof(one), "%s%.*s%s", prefix, (int)strcspn(p, "\""), p, suffix);
        ask("DELETE", one);
    }
}

static void reap(void)
{
    char path[1024];

    for (int i = 0; i < n_labels; i++) {
        const char *filter = "filters=%7B%22label%22:%5B%22";

        snprintf(path, sizeof(path), "/containers/json?all=1&%s%s%%22%%5D%%7D", filter, labels[i]);
        remove_all(path, "Id", "/containers/", "?force=1&v=1");
        snprintf(path, sizeof(path), "/networks?%s%s%%22%%5D%%7D", filter, labels[i]);
        remove_all(path, "Id", "/networks/", "");
        snprintf(path, sizeof(path), "/volumes?%s%s%%22%%5D%%7D", filter, labels[i]);
        remove_all(path, "Name", "/volumes/", "?force=1");
    }
}

/* False: the client is gone. */
static bool serve(int fd)
{
    char text[LABEL_MAX * 2];
    ssize_t n = read(fd, text, sizeof(text) - 1);
    char *rest = text, *line;

    if (n <= 0)
        return false;
    text[n] = '\0';
    while ((line = strsep(&rest, "\r\n")))
        if (strncmp(line, "label=", 6) == 0 && n_labels < LABELS) {
            snprintf(labels[n_labels++], LABEL_MAX, "%.*s", LABEL_MAX - 1, line + 6);
            dprintf(fd, "ACK\n");
        }
    return true;
}

int main(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8080)};
    struct pollfd set[1 + CLIENTS] = {{.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN}};
    int n = 1;

    if (bind(set[0].fd, (void *)&here, sizeof(here)) != 0 || listen(set[0].fd, CLIENTS) != 0)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("Started\n");
    do {
        poll(set, (nfds_t)n, -1);
        for (int i = n - 1; i > 0; i--)
            if (set[i].revents && !serve(set[i].fd)) {
                close(set[i].fd);
                set[i] = set[--n];
            }
        if (set[0].revents && n < 1 + CLIENTS)
            set[n++] = (struct pollfd){.fd = accept(set[0].fd, NULL, NULL), .events = POLLIN};
    } while (n > 1 || !n_labels);
    printf("Reaping\n");
    reap();
    return 0;
}
