import type { TaskProgress } from '../../schemas/generated.ts'

/** A command line of `shield` that a training job needs carried out once. */
export interface LaunchedTask {
  /** Letters, digits and dashes; never used for anything else. */
  readonly taskId: string
  readonly line: readonly string[]
}

export type TaskStatus =
  /** Never submitted, or forgotten. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'running'; readonly progress: TaskProgress | null }
  | { readonly kind: 'succeeded'; readonly stdout: string }
  /** It said why it cannot succeed. */
  | { readonly kind: 'failed'; readonly message: string }
  /** It ended without saying anything of the task: killed, interrupted, or a dependency was down. */
  | { readonly kind: 'lost'; readonly message: string }

/** Where tasks run: on this machine, in a Ray cluster, in Kubernetes. Outlives whoever submits. */
export interface Launcher {
  /** Starts the task unless it was ever submitted: how often and by how many processes it is called makes no difference. */
  submit(task: LaunchedTask): Promise<void>
  status(taskId: string): Promise<TaskStatus>
  /** What it has written about its work so far; empty when there is nothing. */
  logs(taskId: string): Promise<string>
  /** Resolves when the task runs no more. */
  cancel(taskId: string): Promise<void>
  /** Ids of the tasks that run. */
  running(): Promise<string[]>
}
