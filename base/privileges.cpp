#include "base/privileges.h"

#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include <cerrno>
#include <memory>

namespace trapline {

Status drop_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(system_error("set", "no_new_privs", errno));
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // fails where there are none, before Linux 4.3
  // Takes CAP_SETPCAP; without it the set does not matter either: nothing can be executed into having it.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  const std::unique_ptr<void, int (*)(void*)> none(::cap_init(), ::cap_free);
  if (!none || ::cap_set_proc(static_cast<cap_t>(none.get())) != 0)
    return fail(system_error("give up", "this process's capabilities", errno));
  return {};
}

}  // namespace trapline
