/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker Engine API over HTTP/1.1 on Unix sockets: connections, routes,
 * handlers. Loop thread. The only folder that knows HTTP.
 */
#pragma once

#include "base/err.h"

struct parts;

#define API_VERSION_MAX 151 /* 1.51 */
#define API_VERSION_MIN 124

struct server;
/* Takes the sockets of the service manager, if it has given some, and binds every host of the
 * settings ("unix:///path") that is not among them: mode 0660, group of the settings when it exists
 * (else root, said in the log). "fd://" demands that there are some. Start-up. */
struct err *server_open(struct parts *p, struct server **out) must_check;
/* Starts accepting. */
void server_serve(struct server *s);
/* Stops accepting, ends connections (hijacked ones too). */
void server_close(struct server *s);
