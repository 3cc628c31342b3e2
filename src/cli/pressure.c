/* SPDX-License-Identifier: Apache-2.0 */
#include "pressure.h"

#define MEMBER "pressure_stats"

void pressure_fields(struct arena *a, struct pairs *row, const struct json *stats)
{
    static const struct pair fields[] = {
        {"CPUPressure", "cpu"}, {"MemoryPressure", "memory"}, {"IOPressure", "io"}};
    const struct json *all = json_get(stats, MEMBER);

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct json *part =
            json_get(json_get(json_get(all, fields[i].value), "some"), "avg10");

        pairs_set(a, row, fields[i].key,
                  json_type(part) == JSON_NUMBER ? arena_printf(a, "%.2f%%", json_num(part))
                                                 : "--");
    }
}

bool pressure_is_missing(const struct json *stats)
{
    return !json_get(stats, MEMBER) && json_first(json_get(stats, "memory_stats"));
}
