/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the configuration file whose values are objects where their flags take text: pools,
 * ulimits, options of networks. Both become the flags' text. Pure.
 */
#include <string.h>

#include "base/json.h"

#include "settings_flags.h"

static struct err *wrong_form(const char *wanted)
{
    return err_new(ERR_INVALID, "must be %s", wanted);
}

/* [{"base": "10.0.0.0/8", "size": 24}] */
static struct err *pools_form(struct arena *a, const struct json *j, struct strs *out)
{
    const char *wanted = "a list of objects like {\"base\": \"10.0.0.0/8\", \"size\": 24}";

    if (json_type(j) != JSON_ARRAY)
        return wrong_form(wanted);
    for (const struct json *it = json_first(j); it; it = json_next(it)) {
        const char *base = json_str(json_get(it, "base"));
        const struct json *size = json_get(it, "size");

        if (!base || !size || json_type(size) != JSON_NUMBER)
            return wrong_form(wanted);
        strs_add(a, out, arena_printf(a, "base=%s,size=%lld", base, (long long)json_int(size)));
    }
    return NULL;
}

/* {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}} */
static struct err *ulimits_form(struct arena *a, const struct json *j, struct strs *out)
{
    const char *wanted = "an object like {\"nofile\": {\"Soft\": 1024, \"Hard\": 2048}}";

    if (json_type(j) != JSON_OBJECT)
        return wrong_form(wanted);
    for (const struct json *it = json_first(j); it; it = json_next(it)) {
        const struct json *soft = json_get(it, "Soft"), *hard = json_get(it, "Hard");
        const char *name = json_str(json_get(it, "Name"));

        if (!soft || !hard || json_type(soft) != JSON_NUMBER || json_type(hard) != JSON_NUMBER)
            return wrong_form(wanted);
        strs_add(a, out,
                 arena_printf(a, "%s=%lld:%lld", name ? name : json_key(it),
                              (long long)json_int(soft), (long long)json_int(hard)));
    }
    return NULL;
}

/* {"bridge": {"com.docker.network.driver.mtu": "1400"}} */
static struct err *network_opts_form(struct arena *a, const struct json *j, struct strs *out)
{
    const char *wanted = "an object like {\"bridge\": {\"OPTION\": \"VALUE\"}}";

    if (json_type(j) != JSON_OBJECT)
        return wrong_form(wanted);
    for (const struct json *driver = json_first(j); driver; driver = json_next(driver)) {
        if (json_type(driver) != JSON_OBJECT)
            return wrong_form(wanted);
        for (const struct json *it = json_first(driver); it; it = json_next(it)) {
            if (!json_str(it))
                return wrong_form(wanted);
            strs_add(a, out,
                     arena_printf(a, "%s=%s=%s", json_key(driver), json_key(it), json_str(it)));
        }
    }
    return NULL;
}

/* One address, or a list of one for each family. */
static struct err *addresses_form(struct arena *a, const struct json *j, struct strs *out)
{
    if (json_str(j)) {
        strs_add(a, out, json_str(j));
        return NULL;
    }
    if (json_type(j) != JSON_ARRAY)
        return wrong_form("an address or a list of addresses");
    for (const struct json *it = json_first(j); it; it = json_next(it)) {
        if (!json_str(it))
            return wrong_form("an address or a list of addresses");
        strs_add(a, out, json_str(it));
    }
    return NULL;
}

settings_form_fn *settings_form(const char *key)
{
    static const struct {
        const char *key;
        settings_form_fn *fn;
    } forms[] = {
        {"default-address-pools", pools_form}, {"default-network-opts", network_opts_form},
        {"default-ulimits", ulimits_form},     {"host-gateway-ip", addresses_form},
        {"host-gateway-ips", addresses_form},
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (text_same(key, forms[i].key))
            return forms[i].fn;
    return NULL;
}
