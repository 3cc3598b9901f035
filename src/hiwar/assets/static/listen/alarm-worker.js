/* The clock of alarm.js. In: {id, ms}. Out, after so long: id. */

onmessage = ({ data }) => setTimeout(() => postMessage(data.id), data.ms);
