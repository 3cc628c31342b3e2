/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks that lend their configuration (ConfigOnly) and those that take it (ConfigFrom).
 * One that lends has no driver, no link and no endpoints. What was taken is in the
 * taker's own record, so that nothing has to be looked up again later. Pure.
 */
#include <string.h>

#include "network_inner.h"

static struct err *check_lender(const struct network_request *r)
{
    if (r->ingress || r->internal || r->attachable || !text_is_empty(r->scope))
        return err_new(ERR_FORBIDDEN,
                       "configuration network can only contain network specific fields. Network "
                       "operator fields like [ ingress | internal | attachable | scope ] are not "
                       "supported.");
    if (!text_is_empty(r->config_from.network))
        return err_new(ERR_FORBIDDEN,
                       "a configuration network cannot depend on another configuration network");
    return NULL;
}

static bool has_own_addresses(const struct network_request *r)
{
    const struct network_ipam *i = &r->ipam;

    return r->enable_ipv4 < 0 || r->enable_ipv6 || i->options.n || i->config.n ||
           (!text_is_empty(i->driver) && strcmp(i->driver, "default") != 0);
}

static struct err *check_taker(const struct network_request *r)
{
    if (has_own_addresses(r) || r->labels.n)
        return err_new(ERR_FORBIDDEN, "user specified configurations are not supported if the "
                                      "network depends on a configuration network");
    if (r->options.n)
        return err_new(ERR_FORBIDDEN, "network driver options are not supported if the network "
                                      "depends on a configuration network");
    return NULL;
}

struct err *network_config_check(const struct network_request *r)
{
    if (r->config_only)
        return check_lender(r);
    return text_is_empty(r->config_from.network) ? NULL : check_taker(r);
}

void network_config_take(const struct network_request *lent, struct network_request *to)
{
    to->enable_ipv4 = lent->enable_ipv4;
    to->enable_ipv6 = lent->enable_ipv6;
    to->ipam = lent->ipam;
    to->options = lent->options;
    to->labels = lent->labels;
}

bool network_config_is_lent(const struct network_table *t, const struct network *n)
{
    const struct network_request *lender = &n->record.request;

    for (size_t i = 0; lender->config_only && i < t->n; i++)
        if (text_same(t->v[i]->record.request.config_from.network, lender->name))
            return true;
    return false;
}
