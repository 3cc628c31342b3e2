/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes: what each kind of error is in HTTP, and how HTTP calls the codes. Pure. */
#include "status.h"

static const int status_of_kind[] = {
    [ERR_INTERNAL] = 500,     [ERR_INVALID] = 400,   [ERR_UNAUTHORIZED] = 401,
    [ERR_FORBIDDEN] = 403,    [ERR_NOT_FOUND] = 404, [ERR_CONFLICT] = 409,
    [ERR_NOT_MODIFIED] = 304, [ERR_TOO_LARGE] = 413, [ERR_NOT_IMPLEMENTED] = 501,
    [ERR_UNAVAILABLE] = 503,  [ERR_CANCELLED] = 409, [ERR_TIMEOUT] = 500,
};

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "UPGRADED"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Request Entity Too Large"},
    {426, "Upgrade Required"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

int status_of(enum err_kind kind)
{
    ASSERT(kind >= ERR_INTERNAL && (size_t)kind < ARRAY_LEN(status_of_kind));
    return status_of_kind[kind];
}

const char *status_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}
