/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's manager, called by sd-bus: a transient service that sleeps in a slice, and its end.
 * Workers; each call has a connection of its own and a time limit, for it happens once for a slice,
 * not for a container.
 */
#include "slice.h"

#if BERTH_HAS_SYSTEMD

#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "base/clock.h"

#define MANAGER                                                                                    \
    "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define UNIT "org.freedesktop.systemd1.Unit"
#define WAIT_NS (20 * NS_PER_S)

bool slice_bus_is_built(void)
{
    return true;
}

static struct err *bus_open(sd_bus **out)
{
    int r = sd_bus_open_system(out);

    if (r < 0)
        return err_sysno(-r, "connect to systemd by D-Bus");
    sd_bus_set_method_call_timeout(*out, WAIT_NS / 1000);
    return NULL;
}

static struct err *bus_failed(int r, const sd_bus_error *e, const char *what, const char *service)
{
    return err_new(ERR_INTERNAL, "systemd does not %s %s: %s", what, service,
                   e->message ? e->message : strerror(-r));
}

/* The sleeper is the last to go for want of memory, and its end is not the containers' (KillMode).
 */
static int append_properties(sd_bus_message *m, const char *service, const char *slice)
{
    int r = sd_bus_message_append(m, "ss", service, "fail");

    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', "(sv)");
    if (r >= 0)
        r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Description", "s", "Containers of berth",
                                  "Slice", "s", slice, "KillMode", "s", "process", "OOMScoreAdjust",
                                  "i", -999);
    if (r >= 0)
        r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Delegate", "b", 1, "TasksMax", "t",
                                  UINT64_MAX, "ExecStart", "a(sasb)", 1, "/bin/sleep", 2,
                                  "/bin/sleep", "infinity", 0);
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    return r < 0 ? r : sd_bus_message_append(m, "a(sa(sv))", 0);
}

static int call_start(sd_bus *bus, const char *service, const char *slice, sd_bus_error *e)
{
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");

    if (r >= 0)
        r = append_properties(m, service, slice);
    if (r >= 0)
        r = sd_bus_call(bus, m, 0, e, NULL);
    sd_bus_message_unref(m);
    return r < 0 && sd_bus_error_has_name(e, "org.freedesktop.systemd1.UnitExists") ? 0 : r;
}

/* Its ActiveState; "" when there is no such unit. */
static int read_state(sd_bus *bus, const char *service, char out[32])
{
    sd_bus_error e = SD_BUS_ERROR_NULL;
    char *path = NULL, *state = NULL;
    int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", service, &path);

    if (r >= 0)
        r = sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path, UNIT, "ActiveState",
                                       &e, &state);
    strncpy(out, state ? state : "", 31);
    out[31] = '\0';
    free(path);
    free(state);
    sd_bus_error_free(&e);
    return r;
}

static struct err *await_state(sd_bus *bus, const char *service, const char *wanted)
{
    int64_t give_up = clock_boot_ns() + WAIT_NS;
    char state[32] = "";

    do {
        int r = read_state(bus, service, state);

        if (r >= 0 && !strcmp(state, wanted))
            return NULL;
        if (!strcmp(state, "failed"))
            return err_new(ERR_INTERNAL, "systemd's unit %s failed: see systemctl status", service);
        nanosleep(&(struct timespec){.tv_nsec = 5 * NS_PER_MS}, NULL);
    } while (clock_boot_ns() < give_up);
    return err_new(ERR_TIMEOUT, "systemd's unit %s is still %s", service, state);
}

struct err *slice_bus_start(const char *service, const char *slice)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus *bus = NULL;
    struct err *e;
    int r;

    TRY(bus_open(&bus));
    r = call_start(bus, service, slice, &error);
    e = r < 0 ? bus_failed(r, &error, "start", service) : await_state(bus, service, "active");
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    return e;
}

struct err *slice_bus_stop(const char *service)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus *bus = NULL;
    struct err *e;
    int r;

    TRY(bus_open(&bus));
    r = sd_bus_call_method(bus, MANAGER, "StopUnit", &error, NULL, "ss", service, "fail");
    if (r < 0 && sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit"))
        r = 0; /* it is stopped */
    e = r < 0 ? bus_failed(r, &error, "stop", service) : await_state(bus, service, "inactive");
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    return e;
}

#else

bool slice_bus_is_built(void)
{
    return false;
}

struct err *slice_bus_start(const char *service, const char *slice)
{
    (void)service;
    return err_new(ERR_NOT_IMPLEMENTED, "built without libsystemd: no slice %s", slice);
}

struct err *slice_bus_stop(const char *service)
{
    return err_new(ERR_NOT_IMPLEMENTED, "built without libsystemd: no service %s", service);
}

#endif
