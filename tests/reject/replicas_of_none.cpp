// expect: rekey: Replicas<count, milliseconds> waits for one replica or more
// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/redis.hpp>

#ifndef REKEY_REJECT
using Wanted = rekey::adapter::Replicas<1, 100>;
#else
using Wanted = rekey::adapter::Replicas<1, 0>;
#endif

int main() {
    rekey::adapter::BasicRedisStore store{rekey::adapter::RedisAddress{},
                                          rekey::adapter::Ack<Wanted>{}};
    (void)store;
}
