/* SPDX-License-Identifier: Apache-2.0 */
/* An image's record in the database. */
#pragma once

#include "image_table.h"

struct err *image_from_document(struct image_table *t, const char *json, struct image **out)
    must_check;
