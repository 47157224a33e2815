// Where the adapters that core does not know are put together with it.
#pragma once

#include <memory>

#include <child/run_child.hpp>
#include <config/config.hpp>
#include <engine/engine.hpp>

namespace simmer {

// Error(unavailable) for an engine that is not built in.
std::unique_ptr<Engine> make_engine(const std::string& name, const fs::path& state, const EngineOptions& options);
ChildAdapters child_adapters();

}  // namespace simmer
