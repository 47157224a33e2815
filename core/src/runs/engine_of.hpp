// Which engine has what is in flight, or deployed: the configuration of today may name another one than yesterday's, and that one knows nothing of it.
// Nothing is settled, undeployed or called recovered by an engine that never had it.
#pragma once

#include <string>

#include <base/limit.hpp>
#include <engine/engine.hpp>
#include <state/journal.hpp>
#include <state/known_good.hpp>
#include <state/state_folder.hpp>

namespace simmer {

// Error(needs_operator) naming both engines, unless all that is in flight for a canonical, and what it is deployed on, is `engine`'s. What does not say
// whose it is (an older Simmer's), or cannot be read, is taken as today's engine's.
void require_engine_of(const StateFolder& state, const std::string& app, Engine& engine, const Limit& limit);
// The same for what a run may have deployed.
void require_engine_of(const StateFolder& state, const JournalEntry& run, Engine& engine, const Limit& limit);

// canonical/<app>/deployed-on: from before the end of the journal of a deploy until after the undeploy. It stands beside canonical.json, which is
// written again from meta.json where it is damaged, and would have forgotten it.
void note_deployed_on(const StateFolder& state, const std::string& app, Engine& engine, const Limit& limit);
void forget_deployed_on(const StateFolder& state, const std::string& app);

// By its record, or by what it is deployed on.
bool is_deployed(const StateFolder& state, const KnownGood& known_good);

}  // namespace simmer
