/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/config.h"

void config_merge_image(struct arena *a, struct config *c, const struct config *image);
