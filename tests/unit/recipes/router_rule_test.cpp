// A router rule passes only when it is certain that it answers for the run's own host alone.
#include <recipes/router_rule.hpp>

#include <gmock/gmock.h>

namespace simmer {
namespace {

std::string judge(const std::string& rule) { return foreign_host_in_rule(rule, "cust-abc123.example.org"); }

TEST(RouterRule, OwnHostsPass) {
  for (const char* rule :
       {"Host(`cust-abc123.example.org`)", "Host(`CUST-abc123.Example.org`)",
        "Host(`www.cust-abc123.example.org`, `cust-abc123.example.org`)", "Host(\"cust-abc123.example.org\")",
        "host(`cust-abc123.example.org`)", "HostSNI(`cust-abc123.example.org`)", "Host(`*.cust-abc123.example.org`)",
        "Host(`cust-abc123.example.org`) && PathPrefix(`/api`)", "PathPrefix(`/api`) && Host(`cust-abc123.example.org`)",
        "Host(`cust-abc123.example.org`) || Host(`a.cust-abc123.example.org`)",
        "(Host(`cust-abc123.example.org`) && (Path(`/`) || Method(`GET`)))", "Host(`cust-abc123.example.org`) && !Path(`/admin`)",
        "Host(`cust-abc123.example.org`) && !Host(`other.example.org`)", "  Host( `cust-abc123.example.org` )  ",
        "HostRegexp(`^[a-z]+\\.cust-abc123\\.example\\.org$`)", "HostRegexp(`^cust-abc123\\.example\\.org$`)",
        "HostRegexp(`{sub:[a-z]+}.cust-abc123.example.org`)", "Host(`cust-abc123.example.org`) && Headers(`X`, `y`)"})
    EXPECT_EQ(judge(rule), "") << rule;
}

TEST(RouterRule, EverythingElseIsRefused) {
  for (const char* rule : {"Host(`other.example.org`)",
                           "Host(`example.org`)",
                           "Host(`evilcust-abc123.example.org`)",
                           "Host(`cust-abc123.example.org.evil.org`)",
                           "Host(`cust-abc123.example.org`, `other.example.org`)",
                           "Host(`cust-abc123.example.org`) || Host(`other.example.org`)",
                           "Host(`cust-abc123.example.org`) || PathPrefix(`/`)",
                           "PathPrefix(`/`)",
                           "!Host(`other.example.org`)",
                           "!Host(`cust-abc123.example.org`)",
                           "!(Host(`cust-abc123.example.org`))",
                           "HostSNI(`*`)",
                           "HostRegexp(`.*`)",
                           "HostRegexp(`^.+$`)",
                           "HostRegexp(`{any:.+}`)",
                           "HostRegexp(`cust-abc123.example.org`)",
                           "HostRegexp(`cust-abc123\\.example\\.org$`)",
                           "HostRegexp(`^.+\\.cust-abc123.example.org$`)",
                           "HostRegexp(`^other|a\\.cust-abc123\\.example\\.org$`)",
                           "HostRegexp(`{a:x|y}.cust-abc123.example.org`)",
                           "HostRegexp(`^evilcust-abc123\\.example\\.org$`)",
                           "Host()",
                           "Host(``)",
                           "Host(` `)",
                           "",
                           "   ",
                           "nonsense",
                           "Host(",
                           "Host(`",
                           "Host(`a`",
                           "Host(cust-abc123.example.org)",
                           "Host(`cust-abc123.example.org`) &&",
                           "|| Host(`cust-abc123.example.org`)",
                           "Host(`cust-abc123.example.org`) Host(`cust-abc123.example.org`)",
                           "Host(`cust-abc123.example.org`))",
                           "(Host(`cust-abc123.example.org`)",
                           "Host(`cust-abc123.example.org`) or Host(`other.example.org`)",
                           "Host:cust-abc123.example.org",
                           "Host(\"a\\\"b.cust-abc123.example.org\")",
                           "Host(`cust-abc123.example.org`) && Host(`other.example.org`)",
                           "Host(`cust-abc123.example.org`,)",
                           "HostHeader(`other.example.org`)"})
    EXPECT_NE(judge(rule), "") << rule;
}

TEST(RouterRule, SaysWhichHost) {
  EXPECT_EQ(judge("Host(`cust-abc123.example.org`) || Host(`other.example.org`)"), "answers for 'other.example.org' instead of cust-abc123.example.org");
  EXPECT_EQ(judge("PathPrefix(`/`)"), "is bound to no host: add Host(`${DOMAIN}`) &&");
  EXPECT_NE(foreign_host_in_rule("Host(``)", ""), "") << "no domain is nobody's";
}

TEST(RouterRule, DeepNestingEnds) {
  EXPECT_NE(judge(std::string(100000, '(')), "");
  EXPECT_NE(judge(std::string(100000, '!')), "");
}

}  // namespace
}  // namespace simmer
