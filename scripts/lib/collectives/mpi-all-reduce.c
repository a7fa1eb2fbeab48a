/* The counterpart of crates/net/examples/all_reduce_latency.rs for MPI: `BATCHES SIZES`, the same lines. */

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 10 };

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  if (argc != 3) MPI_Abort(MPI_COMM_WORLD, 2);
  int rank, n_batches = atoi(argv[1]);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  double *times = malloc(n_batches * sizeof *times);
  for (char *size = strtok(argv[2], ","); size; size = strtok(NULL, ",")) {
    int n_values = atoi(size) / 4;
    float *partial = malloc(n_values * sizeof *partial), *sum = malloc(n_values * sizeof *sum);
    for (int i = 0; i < n_values; i++) partial[i] = 1;
    for (int batch = 0; batch < n_batches; batch++) {
      MPI_Barrier(MPI_COMM_WORLD);
      double start = MPI_Wtime();
      for (int round = 0; round < BATCH; round++)
        MPI_Allreduce(partial, sum, n_values, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
      times[batch] = (MPI_Wtime() - start) * 1e6 / BATCH;
    }
    qsort(times, n_batches, sizeof *times, by_value);
    if (rank == 0) printf("mpi %s %.1f %.1f\n", size, times[n_batches / 2], times[0]);
    free(partial);
    free(sum);
  }
  MPI_Finalize();
  return 0;
}
