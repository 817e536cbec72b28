// Who may make which call.
#ifndef ELDR_SERVER_AUTH_CALL_ROLES_H_
#define ELDR_SERVER_AUTH_CALL_ROLES_H_

#include "server/config/role.h"
#include "server/metrics/metrics.h"

namespace eldr {

// The roles that may make a call; admin is always one of them.
RoleSet RolesOf(Call call);

// Whether each call leaves an audit line, for it changes what the daemon serves.
bool IsAdministrative(Call call);

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_CALL_ROLES_H_
