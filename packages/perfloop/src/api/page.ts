/** `page` and `per_page` of a list as what a query is cut by. */
export function toLimit(page: { readonly page: number; readonly per_page: number }): {
  limit: number
  offset: number
} {
  return { limit: page.per_page, offset: (page.page - 1) * page.per_page }
}
