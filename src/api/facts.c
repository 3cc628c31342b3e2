/* SPDX-License-Identifier: Apache-2.0 */
/* Reading /etc/os-release, uname and sysconf: start-up, blocking. */
#include "facts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/fd.h"

#define OS_RELEASE_MAX 65536

static const struct {
    const char *machine, *go;
} architectures[] = {
    {"x86_64", "amd64"},        {"aarch64", "arm64"},
    {"armv7l", "arm"},          {"i686", "386"},
    {"riscv64", "riscv64"},     {"s390x", "s390x"},
    {"loongarch64", "loong64"}, {"ppc64le", "ppc64le"},
};

static const char *go_arch(const char *machine)
{
    for (size_t i = 0; i < ARRAY_LEN(architectures); i++)
        if (!strcmp(architectures[i].machine, machine))
            return architectures[i].go;
    return machine;
}

static const char *unquote(struct arena *a, const char *value)
{
    size_t n = strlen(value);

    if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value)
        return arena_strndup(a, value + 1, n - 2);
    return value;
}

static void read_os_release(struct facts *f)
{
    static const char *const paths[] = {"/etc/os-release", "/usr/lib/os-release"};
    char *text = NULL;
    size_t len;
    struct strs lines;

    for (size_t i = 0; i < ARRAY_LEN(paths) && !text; i++)
        err_drop(file_read(f->arena, AT_FDCWD, paths[i], OS_RELEASE_MAX, &text, &len));
    if (!text)
        return;
    lines = text_split(f->arena, text, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        if (text_starts(lines.v[i], "PRETTY_NAME="))
            f->os_name = unquote(f->arena, strchr(lines.v[i], '=') + 1);
        if (text_starts(lines.v[i], "VERSION_ID="))
            f->os_version = unquote(f->arena, strchr(lines.v[i], '=') + 1);
    }
}

void facts_read(struct facts *f)
{
    struct utsname u;

    *f = (struct facts){.arena = arena_create(), .os_name = "Linux", .os_version = ""};
    ASSERT(uname(&u) == 0);
    f->kernel = arena_strdup(f->arena, u.release);
    f->architecture = arena_strdup(f->arena, u.machine);
    f->go_arch = go_arch(f->architecture);
    f->host_name = arena_strdup(f->arena, u.nodename);
    f->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    f->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    read_os_release(f);
}

void facts_finish(struct facts *f)
{
    arena_destroy(f->arena);
    *f = (struct facts){0};
}
