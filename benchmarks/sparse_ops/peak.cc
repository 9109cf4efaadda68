// How many multiply-adds a second one thread can do, in thousand millions: with
// all operands in registers, and with one of them loaded from the first cache.
//   g++ -O2 -march=native peak.cc -o peak && ./peak
#include <time.h>

#include <algorithm>
#include <cstdio>

#if defined(__AVX512F__)
const int kBytes = 64;
#elif defined(__AVX__)
const int kBytes = 32;
#else
const int kBytes = 16;
#endif
typedef float Vec __attribute__((vector_size(kBytes)));

const int kLanes = kBytes / sizeof(float);
const int kSums = 12;
const int kVectors = 16 * 1024 / kBytes;
const int kRounds = 20000;
const int kRepeats = 15;

static Vec memory[kVectors + kSums];

double Seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

// The asm statements keep the compiler from working anything out beforehand.
template <bool kLoads>
double Rate() {
  double best = 1e9;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    Vec sums[kSums] = {}, factor = {}, value = {};
    asm volatile("" : "+x"(factor), "+x"(value));
    const double start = Seconds();
    for (int round = 0; round < kRounds; ++round) {
      for (int at = 0; at < kVectors; at += kSums) {
#pragma GCC unroll 16
        for (int i = 0; i < kSums; ++i) {
          sums[i] += factor * (kLoads ? memory[at + i] : value);
          asm volatile("" : "+x"(sums[i]));
        }
      }
    }
    best = std::min(best, Seconds() - start);
  }
  const double steps = (kVectors + kSums - 1) / kSums * kSums;
  return steps * kRounds * kLanes / best * 1e-9;
}

int main() { std::printf("%.1f %.1f\n", Rate<false>(), Rate<true>()); }
