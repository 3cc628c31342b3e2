/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

static struct err *invalid(const char *text)
{
    return err_new(ERR_INVALID,
                   "invalid address \"%s\": it must be like 127.0.0.1:9323 or [::1]:9323", text);
}

struct err *address_parse(const char *text, struct sockaddr_storage *out, socklen_t *out_len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 1] = "";
    bool is_v6 = *text == '[';
    uint32_t port;
    size_t len;

    if (!colon || !text_to_u32(colon + 1, &port) || port > UINT16_MAX)
        return invalid(text);
    len = (size_t)(colon - text);
    if (is_v6 && (len < 2 || text[len - 1] != ']'))
        return invalid(text);
    if (len - 2 * is_v6 >= sizeof(host))
        return invalid(text);
    memcpy(host, text + is_v6, len - 2 * is_v6);
    *out = (struct sockaddr_storage){0};
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host,
                  is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1)
        return invalid(text);
    out->ss_family = is_v6 ? AF_INET6 : AF_INET;
    if (is_v6)
        v6->sin6_port = htons((uint16_t)port);
    else
        v4->sin_port = htons((uint16_t)port);
    *out_len = is_v6 ? sizeof(*v6) : sizeof(*v4);
    return NULL;
}
