/* SPDX-License-Identifier: Apache-2.0 */
/* See listen.h. Only file system permissions protect the socket: never an abstract address. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/log.h"

#define FIRST_GIVEN_FD 3

static struct err *address_of(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (*path != '/' || strlen(path) >= sizeof(out->sun_path))
        return err_new(ERR_INVALID, "socket path %s: must be absolute and shorter than %zu", path,
                       sizeof(out->sun_path));
    memcpy(out->sun_path, path, strlen(path) + 1);
    return NULL;
}

/* A socket file whose process is dead refuses connections. */
static struct err *remove_stale(const char *path, const struct sockaddr_un *address)
{
    autoclose int fd = -1;
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? NULL : err_sys("look at %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_new(ERR_CONFLICT, "%s exists and is not a socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys("make a socket");
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
        return err_new(ERR_CONFLICT, "another process listens on %s", path);
    if (errno != ECONNREFUSED && errno != ENOENT)
        return err_sys("connect to %s", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys("remove %s", path);
    return NULL;
}

static bool find_group(const char *name, gid_t *out)
{
    uint32_t number;
    struct group *g = text_is_empty(name) ? NULL : getgrnam(name);

    if (g)
        *out = g->gr_gid;
    else if (!text_is_empty(name) && text_to_u32(name, &number))
        *out = number;
    else
        return false;
    return true;
}

/* Docker's: members of the group are root in all but name, so without the group the socket is
 * root's. */
static struct err *give_to_group(const char *path, const char *group)
{
    gid_t gid;

    if (!find_group(group, &gid))
        log_info("the socket is root's alone: its group does not exist",
                 KV("group", group ? group : ""), KV("path", path));
    else if (lchown(path, (uid_t)-1, gid) < 0)
        return err_sys("give %s to group %s", path, group);
    if (chmod(path, 0660) < 0)
        return err_sys("set the mode of %s", path);
    return NULL;
}

static struct err *make_parent(const char *path)
{
    autofree char *dir = mem_strdup(path);
    char *slash = strrchr(dir, '/');

    *slash = '\0';
    return *dir ? dir_make_all(dir, 0711) : NULL;
}

struct err *listen_unix(const char *path, const char *group, int *out)
{
    autoclose int fd = -1;
    struct sockaddr_un address;

    TRY(address_of(path, &address));
    TRY(make_parent(path));
    TRY(remove_stale(path, &address));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys("make a socket");
    /* The file gets the socket's mode less the umask: at no moment is it open to all. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return err_sys("bind %s", path);
    TRY(give_to_group(path, group));
    if (listen(fd, LISTEN_BACKLOG) < 0)
        return err_sys("listen on %s", path);
    *out = steal_fd(&fd);
    return NULL;
}

struct err *listen_tcp(const char *address, int *out)
{
    struct sockaddr_storage at;
    autoclose int fd = -1;
    socklen_t len;
    int yes = 1;

    TRY(address_parse(address, &at, &len));
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys("make a socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
        return err_sys("listen on %s", address);
    *out = steal_fd(&fd);
    return NULL;
}

static bool is_listening_unix(int fd)
{
    int is_listening = 0, domain = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) == 0 && is_listening &&
           getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

/* sd_listen_fds(3): LISTEN_PID says for whom, descriptors begin at 3. */
struct err *listen_given(int *fds, size_t room, size_t *out_n)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint32_t n, for_pid;

    *out_n = 0;
    if (!pid || !count || !text_to_u32(pid, &for_pid) || !text_to_u32(count, &n) ||
        for_pid != (uint32_t)getpid())
        return NULL;
    if (n > room)
        return err_new(ERR_INVALID, "host fd://: more than %zu sockets", room);
    for (uint32_t i = 0; i < n; i++) {
        int fd = FIRST_GIVEN_FD + (int)i;

        if (!is_listening_unix(fd))
            return err_new(ERR_INVALID, "host fd://: descriptor %d is not a listening unix socket",
                           fd);
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return err_sys("take descriptor %d", fd);
        TRY(fd_set_nonblock(fd));
        fds[i] = fd;
    }
    *out_n = n;
    return NULL;
}

bool listen_is_at(int fd, const char *path)
{
    struct sockaddr_un address = {0};
    socklen_t len = sizeof(address) - 1;

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           address.sun_family == AF_UNIX && strcmp(address.sun_path, path) == 0;
}
