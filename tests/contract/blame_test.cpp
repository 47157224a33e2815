// Whose fault it is: words that a Docker 20.10 said, and the side that they are on.
#include <gtest/gtest.h>

#include <swarm/blame.hpp>

namespace simmer::swarm {
namespace {

TEST(Blame, WhatTheRecipeAsksForIsItsOwn) {
  for (const char* said : {"failed to create service st_web: Error response from daemon: rpc error: code = InvalidArgument desc = ContainerSpec: duplicate mount point: /t",
                           "failed to create service st_web: Error response from daemon: rpc error: code = Unknown desc = constraint expected one operator from ==, !=",
                           "failed to create network st_x: Error response from daemon: Invalid subnet foo : invalid CIDR address: foo", "failed to create network st_x: Error response from daemon: Pool overlaps with other one on this address space",
                           "failed to create network heng_net: Error response from daemon: network with name heng_net already exists", "service web: value is too precise", "rpc error: code = AlreadyExists desc = name conflicts with an existing object: network st_x already exists",
                           "Minimum memory limit allowed is 6MB", "invalid mount target, must be an absolute path: t"})
    EXPECT_FALSE(is_machines_fault(said)) << said;
}

TEST(Blame, WhatTheMachineLacksIsNot) {
  for (const char* said : {"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "Error response from daemon: rpc error: code = Unknown desc = The swarm does not have a leader.", "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
                           "rpc error: code = Unavailable desc = transport is closing", "network \"proxy\" is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed",
                           "failed to create network st_x: Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
                           "rpc error: code = InvalidArgument desc = port '18094' is already in use by service 'other_web' (abc) as an ingress port", "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "write /x: no space left on device",
                           "no suitable node (missing plugin on 1 node)", "No such image: web:1", "rpc error: code = Unknown desc = update out of sequence"})
    EXPECT_TRUE(is_machines_fault(said)) << said;
}

TEST(Blame, AnApisAnswerIsTheRecipesWhereTheWishIsWrong) {
  EXPECT_EQ(kind_of_refusal(400, "rpc error: code = InvalidArgument desc = invalid name"), ErrorKind::recipe);
  EXPECT_EQ(kind_of_refusal(409, "rpc error: code = AlreadyExists desc = config x already exists"), ErrorKind::recipe);
  EXPECT_EQ(kind_of_refusal(500, "rpc error: code = InvalidArgument desc = secret data must be larger than 0"), ErrorKind::recipe);
  EXPECT_EQ(kind_of_refusal(500, "rpc error: code = Unknown desc = something"), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_refusal(503, "This node is not a swarm manager."), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_refusal(400, "rpc error: code = Unavailable desc = x"), ErrorKind::unavailable);
}

}  // namespace
}  // namespace simmer::swarm
