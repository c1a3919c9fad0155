export async function getServerSideProps({ params }) {
  if (params.page === 'none') throw new TypeError('by getServerSideProps')
  return { props: params }
}

export default function Old({ page }) {
  return <h1>{page}</h1>
}
