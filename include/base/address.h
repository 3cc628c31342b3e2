/* SPDX-License-Identifier: Apache-2.0 */
/* An address of the Internet with a port, as text. Pure. */
#pragma once

#include "base/err.h"

#include <sys/socket.h>

/* "127.0.0.1:9323", "[::1]:9323": numbers, no names. ERR_INVALID. */
struct err *address_parse(const char *text, struct sockaddr_storage *out, socklen_t *out_len)
    must_check;
