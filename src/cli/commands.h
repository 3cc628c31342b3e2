/* SPDX-License-Identifier: Apache-2.0 */
/* The commands' functions and flag tables, named in commands.c. */
#pragma once

#include "cli.h"

#define COMMAND(name)                                                                              \
    struct err *cmd_##name(struct cli *cli, const void *options, struct strs args) must_check

COMMAND(run);
COMMAND(create);
COMMAND(start);
COMMAND(attach);
COMMAND(exec);
COMMAND(stop);
COMMAND(restart);
COMMAND(kill);
COMMAND(pause);
COMMAND(unpause);
COMMAND(rm);
COMMAND(wait);
COMMAND(rename);
COMMAND(update);
COMMAND(ps);
COMMAND(logs);
COMMAND(cp);
COMMAND(build);
COMMAND(commit);
COMMAND(diff);
COMMAND(export);
COMMAND(save);
COMMAND(top);
COMMAND(stats);
COMMAND(port);
COMMAND(inspect);
COMMAND(inspect_group);
COMMAND(images);
COMMAND(history);
COMMAND(tag);
COMMAND(rmi);
COMMAND(pull);
COMMAND(push);
COMMAND(load);
COMMAND(import);
COMMAND(search);
COMMAND(manifest_inspect);
COMMAND(login);
COMMAND(logout);
COMMAND(version);
COMMAND(info);
COMMAND(events);
COMMAND(df);
COMMAND(prune);
COMMAND(system_prune);
COMMAND(network_ls);
COMMAND(network_create);
COMMAND(network_rm);
COMMAND(network_connect);
COMMAND(network_disconnect);
COMMAND(volume_ls);
COMMAND(volume_create);
COMMAND(volume_rm);
COMMAND(audit);
COMMAND(batch);
COMMAND(policy_check);
COMMAND(checkpoint_create);
COMMAND(checkpoint_ls);
COMMAND(checkpoint_rm);
COMMAND(context_create);
COMMAND(context_export);
COMMAND(context_import);
COMMAND(context_inspect);
COMMAND(context_ls);
COMMAND(context_rm);
COMMAND(context_show);
COMMAND(context_update);
COMMAND(context_use);
COMMAND(dial_stdio);
