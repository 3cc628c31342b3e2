/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binds of single files, whose source another file may take the place of: what the container has is
 * then no longer what the host shows. It is noticed, told, and followed where that is asked for.
 * Loop thread.
 */
#pragma once

#include <stdbool.h>

struct container;
struct file_binds;
struct parts;

struct file_binds *file_binds_create(struct parts *p);
void file_binds_close(struct file_binds *f); /* after the pools */
/* A run has begun or was taken over; its mounts know the inodes of their sources. */
void file_binds_begin(struct container *c);
void file_binds_end(struct container *c); /* nothing twice */
