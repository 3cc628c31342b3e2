/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "port is already in use" is of little help without saying by whom. The socket's inode
 * comes from /proc/net, its owner from the fd links of /proc. Only runs after a failed
 * bind, in a worker; bounded, and silent when it finds nothing.
 */
#include "port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define PROC_NET_MAX (8u << 20)
#define TCP_LISTENING 0x0a

unsigned long port_owner_inode(const char *text, bool is_udp, uint16_t port)
{
    for (const char *s = strchr(text, '\n'); s && s[1]; s = strchr(s + 1, '\n')) {
        unsigned local, state;
        unsigned long inode;

        /* sl local rem st tx:rx tr:when retrnsmt uid timeout inode */
        if (sscanf(s + 1, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
                   &local, &state, &inode) != 3)
            continue;
        if (local == port && (is_udp || state == TCP_LISTENING) && inode)
            return inode;
    }
    return 0;
}

static unsigned long find_inode(bool is_udp, uint16_t port)
{
    static const char *const files[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
                                            {"/proc/net/udp", "/proc/net/udp6"}};
    unsigned long inode = 0;

    for (int i = 0; i < 2 && !inode; i++) {
        autoarena struct arena *a = arena_create();
        char *text;
        size_t len;
        struct err *e = file_read(a, AT_FDCWD, files[is_udp][i], PROC_NET_MAX, &text, &len);

        if (!e)
            inode = port_owner_inode(text, is_udp, port);
        err_drop(e);
    }
    return inode;
}

static bool has_socket(const char *pid, const char *wanted)
{
    char path[300], link[64];
    struct dirent *e;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *d = opendir(path);
    while (d && !found && (e = readdir(d))) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

        if (n <= 0)
            continue;
        link[n] = '\0';
        found = !strcmp(link, wanted);
    }
    if (d)
        closedir(d);
    return found;
}

static void name_process(const char *pid, char *out, size_t room)
{
    autoarena struct arena *a = arena_create();
    char path[300], unknown[] = "?", *text = unknown;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    err_drop(file_read(a, AT_FDCWD, path, 256, &text, &len));
    text[strcspn(text, "\n")] = '\0';
    snprintf(out, room, " (in use by pid %s (%s))", pid, text);
}

void port_owner_text(bool is_udp, uint16_t port, char *out, size_t room)
{
    unsigned long inode = find_inode(is_udp, port);
    char wanted[64];
    struct dirent *e;
    DIR *d = inode ? opendir("/proc") : NULL;

    out[0] = '\0';
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    while (d && !out[0] && (e = readdir(d)))
        if (isdigit((unsigned char)e->d_name[0]) && has_socket(e->d_name, wanted))
            name_process(e->d_name, out, room);
    if (d)
        closedir(d);
}
