/* SPDX-License-Identifier: Apache-2.0 */
/* --ulimit, --device and its relatives, --restart, --add-host, content trust. Pure. */
#include "options.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_ulimit(const char *name)
{
    static const char *const names[] = {
        "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
        "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

struct err *ulimit_parse(struct arena *a, const char *spec, struct jw *out)
{
    char *text = arena_strdup(a, spec), *value = strchr(text, '='), *hard;
    int64_t soft_limit, hard_limit;

    if (!value || value == text)
        return err_new(ERR_INVALID, "invalid ulimit argument: %s", spec);
    *value++ = '\0';
    if (!is_ulimit(text))
        return err_new(ERR_INVALID, "invalid ulimit type: %s", text);
    hard = strchr(value, ':');
    if (hard)
        *hard++ = '\0';
    if (!text_to_i64(value, &soft_limit))
        return err_new(ERR_INVALID, "invalid ulimit argument: %s", spec);
    hard_limit = soft_limit;
    if (hard && !text_to_i64(hard, &hard_limit))
        return err_new(ERR_INVALID, "invalid ulimit argument: %s", spec);
    if (hard_limit != -1 && (soft_limit == -1 || soft_limit > hard_limit))
        return err_new(ERR_INVALID,
                       "ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
                       (long long)soft_limit, (long long)hard_limit);
    jw_obj(out, NULL);
    jw_str(out, "Name", text);
    jw_int(out, "Hard", hard_limit);
    jw_int(out, "Soft", soft_limit);
    jw_obj_end(out);
    return NULL;
}

static bool is_device_mode(const char *s)
{
    return s[0] && strlen(s) <= 3 && !s[strspn(s, "rwm")];
}

struct err *device_parse(struct arena *a, const char *spec, struct jw *out)
{
    struct strs parts = text_split(a, spec, ':');
    const char *inside, *mode = "rwm";

    if (parts.n < 1 || parts.n > 3)
        return err_new(ERR_INVALID, "invalid device specification: %s", spec);
    inside = parts.v[0];
    if (parts.n == 3) {
        if (!is_device_mode(parts.v[2]))
            return err_new(ERR_INVALID, "bad mode specified: %s", parts.v[2]);
        mode = parts.v[2];
    }
    if (parts.n == 2 && is_device_mode(parts.v[1]))
        mode = parts.v[1];
    else if (parts.n >= 2)
        inside = parts.v[1];
    if (inside[0] != '/')
        return err_new(ERR_INVALID, "%s is not an absolute path", inside);
    jw_obj(out, NULL);
    jw_str(out, "PathOnHost", parts.v[0]);
    jw_str(out, "PathInContainer", inside);
    jw_str(out, "CgroupPermissions", mode);
    jw_obj_end(out);
    return NULL;
}

static struct err *device_and_value(struct arena *a, const char *spec, char **out_path,
                                    char **out_value)
{
    char *path = arena_strdup(a, spec), *colon = strchr(path, ':');

    if (!colon || colon == path)
        return err_new(ERR_INVALID, "bad format: %s", spec);
    *colon = '\0';
    if (!text_starts(path, "/dev/"))
        return err_new(ERR_INVALID, "bad format for device path: %s", spec);
    *out_path = path;
    *out_value = colon + 1;
    return NULL;
}

struct err *device_weight_parse(struct arena *a, const char *spec, struct jw *out)
{
    char *path = NULL, *value = NULL;
    uint32_t weight;

    TRY(device_and_value(a, spec, &path, &value));
    if (!text_to_u32(value, &weight) || (weight && (weight < 10 || weight > 1000)))
        return err_new(ERR_INVALID, "invalid weight for device: %s", spec);
    jw_obj(out, NULL);
    jw_str(out, "Path", path);
    jw_int(out, "Weight", weight);
    jw_obj_end(out);
    return NULL;
}

/* "2MB:64MB", "64MB" (of the default size) */
struct err *hugetlb_parse(struct arena *a, const char *spec, struct jw *out)
{
    char *limit = arena_strdup(a, spec), *size = NULL, *colon = strchr(limit, ':');
    int64_t bytes, page;

    if (colon) {
        size = limit;
        *colon = '\0';
        limit = colon + 1;
        if (!text_to_bytes(size, &page) || page <= 0)
            return err_new(ERR_INVALID, "invalid page size: %s", spec);
    }
    if (!text_to_bytes(limit, &bytes) || bytes < 0)
        return err_new(ERR_INVALID, "invalid limit: %s. The format is [<page-size>:]<limit>", spec);
    jw_obj(out, NULL);
    if (size)
        jw_str(out, "PageSize", size);
    jw_int(out, "Limit", bytes);
    jw_obj_end(out);
    return NULL;
}

struct err *device_rate_parse(struct arena *a, const char *spec, bool is_bytes, struct jw *out)
{
    char *path = NULL, *value = NULL;
    int64_t rate;

    TRY(device_and_value(a, spec, &path, &value));
    if (!(is_bytes ? text_to_bytes(value, &rate) : text_to_i64(value, &rate)) || rate < 0)
        return err_new(ERR_INVALID,
                       "invalid rate for device: %s. The correct format is "
                       "<device-path>:<number>%s. Number must be a positive integer.",
                       spec, is_bytes ? "[<unit>]" : "");
    jw_obj(out, NULL);
    jw_str(out, "Path", path);
    jw_int(out, "Rate", rate);
    jw_obj_end(out);
    return NULL;
}

struct err *restart_parse(struct arena *a, const char *spec, struct jw *out)
{
    char *name = arena_strdup(a, spec), *count = strchr(name, ':');
    int64_t retries = 0;

    if (count)
        *count++ = '\0';
    if (!name[0] && count)
        return err_new(ERR_INVALID, "invalid restart policy format: no policy provided before "
                                    "colon");
    if (count && !text_to_i64(count, &retries))
        return err_new(ERR_INVALID,
                       "invalid restart policy format: maximum retry count must be an integer");
    jw_obj(out, "RestartPolicy");
    jw_str(out, "Name", name);
    jw_int(out, "MaximumRetryCount", retries);
    jw_obj_end(out);
    return NULL;
}

struct err *host_parse(struct arena *a, const char *spec, struct strs *out)
{
    size_t name = strcspn(spec, ":=");
    const char *ip = spec[name] ? spec + name + 1 : "";
    size_t len = strlen(ip);
    unsigned char bytes[16];

    if (!name || !ip[0])
        return err_new(ERR_INVALID, "bad format for add-host: \"%s\"", spec);
    if (len > 2 && ip[0] == '[' && ip[len - 1] == ']')
        ip = arena_strndup(a, ip + 1, len - 2);
    if (strcmp(ip, "host-gateway") != 0 && inet_pton(AF_INET, ip, bytes) != 1 &&
        inet_pton(AF_INET6, ip, bytes) != 1)
        return err_new(ERR_INVALID, "invalid IP address in add-host: \"%s\"", ip);
    strs_add(a, out, arena_printf(a, "%.*s:%s", (int)name, spec, ip));
    return NULL;
}

struct err *trust_check(bool skips_trust)
{
    return skips_trust ? NULL
                       : err_new(ERR_NOT_IMPLEMENTED,
                                 "content trust is not supported: images are not signed");
}
