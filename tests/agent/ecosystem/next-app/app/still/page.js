export default function Page() {
  return <h1>always the same</h1>
}
